/** Of which build the command is: rolldown.config.mjs has the digest of its files in the place of this. */
export const build = 'none';
