export { prometheusMeter, type PrometheusMeter } from './meter.ts'
export { serve, type Reasons, type Server } from './server.ts'
