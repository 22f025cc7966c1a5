import { storeContract } from '../store/contract.ts';
import { freshRoot, openStore } from './state-root.ts';

storeContract('the lowdb store', () => openStore(freshRoot()));
