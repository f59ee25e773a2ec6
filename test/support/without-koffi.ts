/** Loaded into a program (`node --import`): the “koffi” package is not there, as on a system it has no binary for. */
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === 'koffi') throw new Error('Cannot find package koffi');
    return next(specifier, context);
  },
});
