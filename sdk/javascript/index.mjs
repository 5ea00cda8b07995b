import sdk from './index.js';

export const { main, manifest, reject, PluginError } = sdk;
export default sdk;
