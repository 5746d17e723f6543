'use strict';
// A Client without an identifier is given one, each a different one.

const { Peer, run, say } = require('./common');

run(async () => {
  const names = new Set();
  for (let count = 0; count < 2; count++) {
    const { properties } = await new Peer('').connect();
    names.add(properties.assignedClientIdentifier);
  }
  say('different', names.size, [...names].every(Boolean));
});
