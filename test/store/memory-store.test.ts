import { memoryStore } from '../../src/store/memory-store.ts';
import { storeContract } from './contract.ts';
import { sampleShapes } from './samples.ts';

storeContract('the memory store', () => memoryStore(sampleShapes));
