/** The keychain on this system's key store. Electron's older, blocking calls are deprecated, so the waiting ones serve. */
import { safeStorage } from 'electron';

import { OwnFile } from './own-file.ts';
import { Keychain, type Vault } from './policy/keychain.ts';

const vault: Vault = {
  isAvailable: () => safeStorage.isAsyncEncryptionAvailable(),
  backend: () => (process.platform === 'linux' ? safeStorage.getSelectedStorageBackend() : undefined),
  encrypt: (text) => safeStorage.encryptStringAsync(text),
  decrypt: async (bytes) => {
    const { result, shouldReEncrypt } = await safeStorage.decryptStringAsync(Buffer.from(bytes));
    return { text: result, isStale: shouldReEncrypt };
  },
};

export const systemKeychain = (file: string): Keychain => new Keychain(vault, new OwnFile(file));
