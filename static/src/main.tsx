import { createRoot } from "react-dom/client";

import { App } from "./routes/App.tsx";
import "./ui/theme.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/home.css";
import "./styles/prejoin.css";
import "./styles/call.css";
import "./styles/tile.css";
import "./styles/tileMarks.css";
import "./styles/weak.css";
import "./styles/panel.css";
import "./styles/chat.css";
import "./styles/people.css";
import "./styles/controls.css";
import "./styles/overlays.css";

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
