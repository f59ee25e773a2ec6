/** A schedule that is being changed. What is typed for one timing is kept while another is looked at. */
import type { Schedule, Timing, Weekday } from '../../src-shared/model/index.ts';
import { SCHEDULE_LIMITS, TIME_OF_DAY, WEEKDAYS } from '../../src-shared/format/index.ts';
import { words } from '../words/index.ts';

export const LIMITS = {
  every: [1, SCHEDULE_LIMITS.intervalMinutesMax],
  minute: [0, 59],
  idle: [1, SCHEDULE_LIMITS.idleMinutesMax],
  stale: [1, SCHEDULE_LIMITS.staleDaysMax],
} as const satisfies Record<string, readonly [number, number]>;

type Kind = Timing['kind'];

/** Undefined: not a whole number within the limits. */
function numberOf(text: string, [from, to]: readonly [number, number]): number | undefined {
  const value = Number(text);
  return text.trim() !== '' && Number.isInteger(value) && value >= from && value <= to ? value : undefined;
}

export class EditSchedule {
  kind = $state<Kind>('continuous');
  fullScanEveryHours = $state(24);
  every = $state('30');
  minute = $state('0');
  at = $state('21:00');
  days = $state.raw<ReadonlySet<Weekday>>(new Set(['monday', 'wednesday', 'friday']));
  cron = $state('0 21 * * 1-5');
  drive = $state(true);
  mains = $state(false);
  metered = $state(false);
  idle = $state(false);
  idleMinutes = $state('10');
  stale = $state(true);
  staleDays = $state('7');

  constructor(schedule: Schedule) {
    const { timing, conditions } = schedule;
    this.kind = timing.kind;
    if (timing.kind === 'continuous') this.fullScanEveryHours = timing.fullScanEveryHours;
    if (timing.kind === 'minutes') this.every = String(timing.every);
    if (timing.kind === 'hourly') this.minute = String(timing.minute);
    if (timing.kind === 'daily' || timing.kind === 'weekly') this.at = timing.at;
    if (timing.kind === 'weekly') this.days = new Set(timing.days);
    if (timing.kind === 'cron') this.cron = timing.text;
    this.drive = schedule.whenDriveConnected;
    this.mains = conditions.onlyOnMainsPower;
    this.metered = conditions.notOnMetered;
    this.idle = conditions.onlyWhenIdleMinutes !== null;
    if (conditions.onlyWhenIdleMinutes !== null) this.idleMinutes = String(conditions.onlyWhenIdleMinutes);
    this.stale = schedule.staleAfterDays !== null;
    if (schedule.staleAfterDays !== null) this.staleDays = String(schedule.staleAfterDays);
  }

  /** Nothing runs by itself, so nothing has to wait. */
  get isByHand(): boolean {
    return this.kind === 'manual' && !this.drive;
  }

  toggleDay(day: Weekday, on: boolean): void {
    const days = new Set(this.days);
    if (on) days.add(day);
    else days.delete(day);
    this.days = days;
  }

  /** What is wrong in a field, in words; empty when it is right. */
  wrong(field: keyof typeof LIMITS): string {
    const text = { every: this.every, minute: this.minute, idle: this.idleMinutes, stale: this.staleDays }[field];
    const [from, to] = LIMITS[field];
    return numberOf(text, [from, to]) === undefined ? words.schedule.wrong.number(from, to) : '';
  }

  get wrongTime(): string {
    return TIME_OF_DAY.test(this.at) ? '' : words.schedule.wrong.time;
  }

  get wrongDays(): string {
    return this.days.size > 0 ? '' : words.schedule.wrong.days;
  }

  get wrongCron(): string {
    return this.cron.trim().split(/\s+/).length === 5 ? '' : words.schedule.wrong.cron;
  }

  /** Null while something is wrong. */
  get value(): Schedule | null {
    const timing = this.#timing();
    const idleMinutes = this.idle ? numberOf(this.idleMinutes, LIMITS.idle) : null;
    const staleAfterDays = this.stale ? numberOf(this.staleDays, LIMITS.stale) : null;
    if (timing === null || idleMinutes === undefined || staleAfterDays === undefined) return null;
    return {
      timing,
      whenDriveConnected: this.drive,
      conditions: {
        onlyOnMainsPower: this.mains,
        notOnMetered: this.metered,
        onlyWhenIdleMinutes: idleMinutes,
      },
      staleAfterDays,
    };
  }

  #timing(): Timing | null {
    switch (this.kind) {
      case 'manual':
        return { kind: 'manual' };
      case 'continuous':
        return { kind: 'continuous', fullScanEveryHours: this.fullScanEveryHours };
      case 'minutes': {
        const every = numberOf(this.every, LIMITS.every);
        return every === undefined ? null : { kind: 'minutes', every };
      }
      case 'hourly': {
        const minute = numberOf(this.minute, LIMITS.minute);
        return minute === undefined ? null : { kind: 'hourly', minute };
      }
      case 'daily':
        return this.wrongTime === '' ? { kind: 'daily', at: this.at } : null;
      case 'weekly':
        return this.wrongTime !== '' || this.wrongDays !== ''
          ? null
          : { kind: 'weekly', days: WEEKDAYS.filter((day) => this.days.has(day)), at: this.at };
      case 'cron':
        return this.wrongCron === '' ? { kind: 'cron', text: this.cron.trim() } : null;
    }
  }
}
