import { conformance } from './conformance/whole.ts';
import { simulatedModule } from './simulated.ts';

conformance(simulatedModule);
