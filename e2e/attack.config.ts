// `npm run test:attack`.
import { suiteConfig } from './suite-config.ts';

export default suiteConfig('attack', '*.attack.ts');
