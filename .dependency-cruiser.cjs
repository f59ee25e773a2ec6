/**
 * The walls of the house, as rules on imports. Rooms stand in the order the data walks and imports point down only,
 * so a room can be understood, tested or rebuilt alone. When a rule is in the way, the code is in the wrong room:
 * move it down, or hand in from above what it needs.
 */

/** Rooms of the engine by layer; layer 0 is src-shared, and the hosts (cli, app, engine-host) are above all of them. */
const LAYERS = [
  { layer: 1, rooms: ['kernel'] },
  { layer: 2, rooms: ['codec', 'merkle'] },
  { layer: 3, rooms: ['source', 'store', 'pack'] },
  { layer: 4, rooms: ['repository', 'snapshot'] },
  { layer: 5, rooms: ['browse', 'backup', 'restore', 'verify', 'repair', 'replicate', 'reclaim', 'catalog'] },
  { layer: 6, rooms: ['service', 'schedule', 'sets', 'drives'] },
  { layer: 7, rooms: ['desk'] },
  { layer: 8, rooms: ['agent'] },
];

/** Rooms that use the engine as a host does: they may know the types of its door, api.ts, and get an engine handed in. */
const ENGINE_USERS = ['desk', 'agent'];

/** Neighbours of one layer that may be imported all the same, each with its reason. */
const ALLOWED_NEIGHBOURS = {
  // A page of the tree is a blob: its id is made by codec.
  merkle: ['codec'],
  // Packs are files in a store.
  pack: ['store'],
  // A snapshot is published through the repository, which owns the write order.
  snapshot: ['repository'],
  // Flows do not know each other; those that share work share it through a lower layer. The catalog may be told by all.
  backup: ['catalog'],
  // Restoring and verifying read the stored trees and files as browsing does.
  restore: ['catalog', 'browse'],
  verify: ['catalog', 'browse'],
  repair: ['catalog', 'verify'],
  replicate: ['catalog'],
  reclaim: ['catalog'],
  // A backup set has a schedule; its records are files of this computer's own state.
  sets: ['schedule', 'service'],
};

const engineRoom = (room) => `^src-main/engine/${room}/`;

/** One rule for each room: what it must not import is every room that is not below it. */
const layerRules = LAYERS.flatMap(({ layer, rooms }) =>
  rooms.map((room) => {
    const forbidden = LAYERS.filter((other) => other.layer >= layer)
      .flatMap((other) => other.rooms)
      .filter((other) => other !== room && !(ALLOWED_NEIGHBOURS[room] || []).includes(other));
    return {
      name: `engine-layer-${layer}-${room}`,
      comment: `${room}/ is layer ${layer}: it may import lower layers and ${(ALLOWED_NEIGHBOURS[room] || ['no neighbour']).join(', ')} only.`,
      severity: 'error',
      from: { path: engineRoom(room) },
      to: {
        path: `^src-main/engine/((${forbidden.join('|') || 'none-above'})/|${ENGINE_USERS.includes(room) ? '(?!api\\.ts$)' : ''}[^/]+$)`,
      },
    };
  })
);

/** The package in all its spellings. */
const ELECTRON = '^(electron$|electron/|node_modules/electron/)';

/**
 * Development packages that the product imports all the same: the build puts them into our own files, so they need not
 * be installed where Cairn runs. Electron is the runtime itself there.
 */
const BUNDLED = '^node_modules/(svelte|bits-ui|@lucide/svelte|valibot|croner|ws|chokidar|diff|electron|@zxcvbn-ts)/';

const knownRooms = LAYERS.flatMap((row) => row.rooms).join('|');

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'engine-room-without-layer',
      comment: 'A new room of the engine needs a row in LAYERS above, so that someone has said what it may import.',
      severity: 'error',
      from: { path: `^src-main/engine/(?!(${knownRooms})/)[^/]+/` },
      to: {},
    },
    {
      name: 'one-door-per-room',
      comment:
        'Another room is entered through its index.ts: what is not exported there is free to change. Tests may look inside.',
      severity: 'error',
      from: { path: '^src-main/engine/([^/]+)/' },
      to: { path: '^src-main/engine/[^/]+/', pathNot: ['^src-main/engine/$1/', '^src-main/engine/[^/]+/index\\.ts$'] },
    },
    {
      name: 'hosts-use-the-doors',
      comment: 'Command line, app and engine host see the engine through its doors only.',
      severity: 'error',
      from: { path: '^src-main/(?!engine/)' },
      to: {
        path: '^src-main/engine/',
        pathNot: ['^src-main/engine/index\\.ts$', '^src-main/engine/[^/]+/index\\.ts$'],
      },
    },
    {
      name: 'engine-knows-no-host',
      comment: 'The engine is a library: whoever runs it hands in what it needs (kernel Ports).',
      severity: 'error',
      from: { path: '^src-main/engine/' },
      to: { path: '^src-main/(?!engine/)' },
    },
    {
      name: 'engine-and-cli-never-reach-electron',
      comment: 'Both run under plain Node, where electron does not exist. Not even through something they import.',
      severity: 'error',
      from: { path: '^src-main/(engine|cli)/' },
      to: { path: ELECTRON, reachable: true },
    },
    {
      name: 'only-the-app-imports-electron',
      comment: 'Electron lives in app/, main.ts and preload.ts. A type of it is not less of it: use what port.ts has.',
      severity: 'error',
      from: { path: '^src-', pathNot: ['^src-main/app/', '^src-main/(main|preload)\\.ts$'] },
      to: { path: ELECTRON },
    },
    {
      name: 'policy-and-engine-host-never-reach-electron',
      comment: 'Decisions are made where a test can hear them: without Electron, not even through something imported.',
      severity: 'error',
      from: { path: '^src-main/(app/policy|engine-host)/' },
      to: { path: ELECTRON, reachable: true },
    },
    {
      name: 'renderer-imports-shared-only',
      comment: 'The window is sandboxed: it speaks to the engine through the contract in src-shared/api.',
      severity: 'error',
      from: { path: '^src-renderer/' },
      to: { pathNot: ['^src-renderer/', '^src-shared/', '^node_modules/'] },
    },
    {
      name: 'renderer-uses-browser-packages-only',
      comment: 'The page is built from these; each goes to every user, so a new one is a decision.',
      severity: 'error',
      from: { path: '^src-renderer/' },
      to: {
        path: '^node_modules/',
        pathNot: ['^node_modules/(svelte|bits-ui|@lucide/svelte|valibot|@msgpack/msgpack|@zxcvbn-ts)/'],
      },
    },
    {
      name: 'preload-reaches-no-engine',
      comment: 'The preload is one file that runs beside the page: the bridge and its table of calls, nothing more.',
      severity: 'error',
      from: { path: '^src-main/preload\\.ts$' },
      to: { path: '^src-main/(engine|engine-host|cli)/', reachable: true },
    },
    {
      name: 'shared-imports-itself-only',
      comment: 'src-shared runs in the window, in the engine and in the command line: no Node, no DOM, no package.',
      severity: 'error',
      from: { path: '^src-shared/' },
      to: { pathNot: ['^src-shared/', '^node_modules/valibot/'] },
    },
    {
      name: 'shared-schemas-stand-in-api',
      comment: 'Only what crosses a border is checked with a schema; everything else in src-shared has no package.',
      severity: 'error',
      from: { path: '^src-shared/', pathNot: '^src-shared/api/' },
      to: { path: '^node_modules/' },
    },
    {
      name: 'source-never-imports-tests',
      comment: 'What only tests need stands in test/support.',
      severity: 'error',
      from: { path: '^src-' },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'no-cycles',
      comment:
        'Two files that need each other are one file, or there is a third thing both should import. Types count.',
      severity: 'error',
      from: { path: '^src-' },
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'An import that leads nowhere hides whatever the other rules would have said about it.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-package',
      comment: 'What the product imports is in dependencies: a transitive or development package may be gone tomorrow.',
      severity: 'error',
      from: { path: '^src-' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        pathNot: BUNDLED,
      },
    },
  ],
  options: {
    // Imports of types hold rooms together as much as imports of values do.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    // AssemblyScript: compiled by `npm run build:wasm`, imported by nobody.
    exclude: { path: '\\.assembly\\.ts$' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
