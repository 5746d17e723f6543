'use strict';
// A Topic Alias stands for the Topic Name after its first use, until it is set anew. The subscriber allows the broker
// to use aliases too; MQTT.js puts the Topic Names back.

const { connected, run, say } = require('./common');

run(async () => {
  const subscriber = await connected('alias-subscriber', { properties: { topicAliasMaximum: 10 } });
  await subscriber.subscribe('alias/#', { qos: 1 });
  const publisher = await connected('alias-publisher');
  const properties = { topicAlias: 1 };
  await publisher.publish('alias/a', '1', { properties });
  await publisher.publish('', '2', { properties });
  await publisher.publish('alias/b', '3', { properties });
  await publisher.publish('', '4', { properties });
  for (let count = 0; count < 4; count++) {
    const message = await subscriber.message();
    say('got', message.topic, message.payload);
  }
});
