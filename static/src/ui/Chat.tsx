import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent } from "react";

import { hueOf } from "../lib/people.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import type { ChatLine } from "../room/state.ts";
import { ChatIcon, CloseIcon, SendIcon } from "./icons.tsx";

const TEXT_LENGTH = 1000;
/** Lines of one person that follow each other this closely stand under one name. */
const TOGETHER_MS = 120_000;
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export function Chat({ session }: { session: RoomSession }) {
  const { chat, online } = useStore(session.store);
  const [text, setText] = useState("");
  const [sending, setSending] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const end = useRef<HTMLDivElement>(null);

  useEffect(() => {
    input.current?.focus();
  }, []);
  useEffect(() => {
    // In braces: newer browsers return a promise here, which React would take for a cleanup.
    end.current?.scrollIntoView({ block: "end" });
  }, [chat.length]);

  const send = async (event: FormEvent) => {
    event.preventDefault();
    const line = text.trim();
    if (!line || sending) return;
    setSending(true);
    if (await session.sendChat(line)) setText("");
    setSending(false);
    input.current?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") session.setChatOpen(false);
  };

  return (
    <aside className="chat" aria-label="Chat" onKeyDown={onKey}>
      <header className="chat-header">
        <h2>Chat</h2>
        <button
          type="button"
          className="icon-button"
          aria-label="Close chat"
          onClick={() => session.setChatOpen(false)}
        >
          <CloseIcon />
        </button>
      </header>
      <div className="chat-log" role="log" aria-live="polite">
        {chat.length === 0 && (
          <div className="chat-empty">
            <ChatIcon />
            <p>Nothing written yet. Everybody in the room can read what you send.</p>
          </div>
        )}
        {chat.map((line, index) => (
          <Line key={line.key} line={line} before={chat[index - 1]} />
        ))}
        <div ref={end} />
      </div>
      <form className="chat-form" onSubmit={(event) => void send(event)}>
        <input
          ref={input}
          className="field"
          data-testid="chat-input"
          aria-label="Message"
          placeholder={online === false ? "Waiting for the connection" : "Write a message"}
          autoComplete="off"
          maxLength={TEXT_LENGTH}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button
          type="submit"
          className="icon-button filled"
          data-testid="chat-send"
          aria-label="Send"
          disabled={!text.trim() || sending || online === false}
        >
          <SendIcon />
        </button>
      </form>
    </aside>
  );
}

function Line({ line, before }: { line: ChatLine; before: ChatLine | undefined }) {
  const follows = before?.peerId === line.peerId && line.time - before.time < TOGETHER_MS;
  return (
    <div className="chat-line" data-testid="chat-line" data-own={line.own} data-follows={follows}>
      {!follows && (
        <p className="chat-by" data-hue={hueOf(line.displayName)}>
          <strong>{line.own ? "You" : line.displayName}</strong>
          <time dateTime={new Date(line.time).toISOString()}>{CLOCK.format(line.time)}</time>
        </p>
      )}
      <p className="chat-text">{line.text}</p>
    </div>
  );
}
