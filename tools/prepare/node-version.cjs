// @ts-check
'use strict';

/**
 * @param {string} version
 * @returns {string | undefined} what is wrong with it, if anything
 */
function nodeFault(version) {
  const [major, minor] = version.split('.').map(Number);
  const recent = Number(major) > 20 || (Number(major) === 20 && Number(minor) >= 19);
  return recent
    ? undefined
    : `This needs Node 20.19 or newer, and runs on ${version}: install a newer one (https://nodejs.org).`;
}

module.exports = { nodeFault };
