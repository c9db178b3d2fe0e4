// `npm run test:tarball`.
import { suiteConfig } from './suite-config.ts';

export default suiteConfig('tarball', '*.install.ts');
