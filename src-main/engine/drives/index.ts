/** The drives of this computer: which are there, which come and go, what stands on them, and when they will be full. */
export { type DriveChange, DriveWatch, type DriveWatchOptions } from './drive-watch.ts';
export {
  type FoundDestination,
  type SoughtDestination,
  type StandingRepository,
  findDestination,
} from './find-destination.ts';
export {
  type ExpectedRun,
  type RoomVerdict,
  SPARE_BYTES,
  type StoredAt,
  forecastCapacity,
  growthOf,
  historyOf,
  roomFor,
} from './forecast.ts';
export { bytesHeldBelow } from './held-bytes.ts';
export { Patience } from './patience.ts';
export { shareDisk } from './same-disk.ts';
export { type Standing, destinationPath, standingAt } from './standing.ts';
export { systemVolumes } from './volume-source.ts';
export {
  type Space,
  type Volume,
  type VolumeSource,
  type VolumeTable,
  isSilent,
  mountKeyOf,
  pathOnVolume,
  realPlace,
  spaceAt,
  volumeOf,
  volumesNow,
} from './volumes.ts';
