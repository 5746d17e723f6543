'use strict';
// After UNSUBACK nothing of that filter arrives.

const { connected, run, say } = require('./common');

run(async () => {
  const peer = await connected('unsubscribe');
  await peer.subscribe('unsubscribe/one', { qos: 1 });
  await peer.subscribe('unsubscribe/two', { qos: 1 });
  await peer.publish('unsubscribe/one', 'before');
  say('got', (await peer.message()).payload);
  await peer.unsubscribe('unsubscribe/one');
  await peer.publish('unsubscribe/one', 'after');
  await peer.publish('unsubscribe/two', 'marker');
  say('got', (await peer.message()).payload);
});
