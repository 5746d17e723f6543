'use strict';
// A Will is published when the network fails, and not after a DISCONNECT.

const { connected, run, say } = require('./common');

run(async () => {
  const watcher = await connected('will-watcher');
  await watcher.subscribe('will/#', { qos: 1 });

  const polite = await connected('will-polite', { will: { topic: 'will/polite', payload: 'never', qos: 1 } });
  await polite.disconnect();
  const will = { topic: 'will/lost', payload: 'gone', qos: 1, retain: true };
  const lost = await connected('will-lost', { will });
  lost.vanish();

  let message = await watcher.message();
  say('got', message.topic, message.qos, message.payload);
  const late = await connected('will-late');
  await late.subscribe('will/lost', { qos: 1 });
  message = await late.message();
  say('retained', message.topic, Number(message.retain), message.payload);
  await watcher.publish('will/lost', '', { retain: true });
});
