'use strict';
// A Will waits for its Will Delay Interval, a Client that is back in time takes it back, and a DISCONNECT with Will
// Message sends it.

const { connected, run, say } = require('./common');

const DELAY_S = 1;
const DISCONNECT_WITH_WILL_MESSAGE = 0x04;

function client(name) {
  const will = { topic: `will/${name}`, payload: name, qos: 1, properties: { willDelayInterval: DELAY_S } };
  return connected(name, { clean: false, expiry: 60, will });
}

run(async () => {
  const watcher = await connected('delay-watcher');
  await watcher.subscribe('will/#', { qos: 1 });
  (await client('back-in-time')).vanish();
  const back = await client('back-in-time');
  const began = performance.now();
  (await client('stays-away')).vanish();
  say('got', (await watcher.message()).payload);
  say('waited', performance.now() - began >= DELAY_S * 1000);

  await back.disconnect({ reasonCode: DISCONNECT_WITH_WILL_MESSAGE });
  say('got', (await watcher.message()).payload);
});
