interface Clock {
  readonly place: HTMLElement;
  format(now: Date): string;
}

const clock: Clock = {
  place: document.getElementById('clock')!,
  format: (now) => now.toLocaleTimeString(),
};

setInterval(() => { clock.place.textContent = clock.format(new Date()); }, 1000);
