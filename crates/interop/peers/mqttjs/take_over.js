'use strict';
// A second connection of one Client Identifier ends the first one.

const { connected, run, say } = require('./common');

const SESSION_TAKEN_OVER = 0x8e;

run(async () => {
  const first = await connected('take-over');
  await first.subscribe('take-over', { qos: 1 });
  const second = await connected('take-over');
  const end = await first.ended();
  say('ended', end === SESSION_TAKEN_OVER ? 'told' : end);
  await second.subscribe('take-over', { qos: 1 });
  await second.publish('take-over', 'still here');
  say('got', (await second.message()).payload);
});
