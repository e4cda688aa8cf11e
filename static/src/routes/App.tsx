import { useStore } from "../lib/store.ts";
import { Failure } from "../ui/Failure.tsx";
import { Home } from "./Home.tsx";
import { Room } from "./Room.tsx";
import { route } from "./router.ts";

export function App() {
  const current = useStore(route);
  return <Failure>{current.page === "room" ? <Room key={current.name} name={current.name} /> : <Home />}</Failure>;
}
