export interface Talk {
  title: string;
  duration: string;
}

export enum Room {
  Small = "small",
  Large = "large",
}

export interface Entry {
  path: string;
  minutes: number;
  room: Room;
}
