/** Options of which TypeScript infers some, because the type of the result follows from them. */

/**
 * `Options`, with those of `Inferred`, whose types are inferred: were the whole object, no misspelt name in it would
 * be an error. `Inferred` as it is says of a variable that it may be undefined: TypeScript infers no undefined for an option
 * that can be left out.
 */
export type Inferring<Options, Inferred> = Omit<Options, keyof Inferred> &
  (Inferred | { [name in keyof Inferred]?: Inferred[name] | undefined });
