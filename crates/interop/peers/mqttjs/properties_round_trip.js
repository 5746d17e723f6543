'use strict';
// Every property of a PUBLISH that the broker has to hand on, and the Subscription Identifier it adds.

const { connected, run, say } = require('./common');

run(async () => {
  const peer = await connected('properties');
  const options = { qos: 1, properties: { subscriptionIdentifier: 7 } };
  say('granted', await peer.subscribe('properties/#', options));
  await peer.publish('properties/a', '{}', {
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'application/json',
      responseTopic: 'answer/here',
      correlationData: Buffer.from([0x00, 0x01, 0xff]),
      userProperties: { key: ['one', 'two'], ключ: 'значение' },
    },
  });
  const { properties } = await peer.message();
  say('format', Number(properties.payloadFormatIndicator));
  say('expiry', properties.messageExpiryInterval >= 55 && properties.messageExpiryInterval <= 60);
  say('type', properties.contentType);
  say('response', properties.responseTopic);
  say('correlation', properties.correlationData.toString('hex'));
  for (const [key, values] of Object.entries(properties.userProperties)) {
    for (const value of [values].flat()) say('user', key, value);
  }
  say('identifier', [properties.subscriptionIdentifier].flat().join(' '));
});
