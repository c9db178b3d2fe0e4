// `npm run test:faults`.
import { suiteConfig } from './suite-config.ts';

export default suiteConfig('faults', '*.fault.ts');
