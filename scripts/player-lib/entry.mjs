export { Replayer } from '@rrweb/replay';
