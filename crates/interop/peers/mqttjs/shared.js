'use strict';
// Each message goes to one member of a Shared Subscription, and to every other subscription besides.

const { connected, run, say } = require('./common');

const COUNT = 20;

async function numbers(peer) {
  const taken = [];
  while (taken.length < COUNT) taken.push(Number((await peer.message()).payload));
  return taken.sort((one, other) => one - other);
}

run(async () => {
  const members = [];
  for (const number of [0, 1, 2]) members.push(await connected(`shared-${number}`));
  const plain = await connected('shared-plain');
  // One mailbox for all members: it does not matter who of them gets a message.
  const together = members[0];
  for (const member of members) {
    member.messages = together.messages;
    await member.subscribe('$share/group/shared/#', { qos: 1 });
  }
  await plain.subscribe('shared/#', { qos: 1 });

  const publisher = await connected('shared-publisher');
  for (let number = 0; number < COUNT; number++) await publisher.publish(`shared/${number % 3}`, String(number));
  say('plain', ...(await numbers(plain)));
  say('together', ...(await numbers(together)));
  // The answers come behind all messages.
  for (const member of members) await member.unsubscribe('$share/group/shared/#');
  say('more', together.messages.arrived.length);
});
