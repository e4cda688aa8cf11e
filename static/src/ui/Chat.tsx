import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent } from "react";

import { language, useT } from "../i18n/index.ts";
import { linkify } from "../lib/linkify.ts";
import { hueOf } from "../lib/people.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import type { ChatLine } from "../room/state.ts";
import { ChatIcon, SendIcon } from "./icons.tsx";
import { PanelHeader } from "./PanelHeader.tsx";

/** Lines of one person that follow each other this closely stand under one name. */
const TOGETHER_MS = 120_000;

export function Chat({ session }: { session: RoomSession }) {
  const t = useT();
  const { chat, online, chatLength } = useStore(session.store);
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
    if (event.key === "Escape") session.togglePanel("chat");
  };

  return (
    <aside className="panel chat" aria-label={t.chat} onKeyDown={onKey}>
      <PanelHeader title={t.chat} closeLabel={t.closeChat} testId="chat-close" onClose={() => session.togglePanel("chat")} />
      <div className="chat-log" role="log" aria-live="polite" aria-label={t.chat} tabIndex={0}>
        {chat.length === 0 && (
          <div className="chat-empty">
            <ChatIcon />
            <p>{t.chatEmpty}</p>
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
          aria-label={t.message}
          placeholder={online === false ? t.waitingForLine : t.writeMessage}
          autoComplete="off"
          maxLength={chatLength}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button
          type="submit"
          className="icon-button filled"
          data-testid="chat-send"
          aria-label={t.send}
          disabled={!text.trim() || sending || online === false}
        >
          <SendIcon />
        </button>
      </form>
    </aside>
  );
}

function Line({ line, before }: { line: ChatLine; before: ChatLine | undefined }) {
  const t = useT();
  const clock = new Intl.DateTimeFormat(useStore(language), { hour: "2-digit", minute: "2-digit" });
  const follows = before?.peerId === line.peerId && line.time - before.time < TOGETHER_MS;
  return (
    <div className="chat-line" data-testid="chat-line" data-own={line.own} data-follows={follows}>
      {!follows && (
        <p className="chat-by" data-hue={hueOf(line.displayName)}>
          <strong>{line.own ? t.you : line.displayName}</strong>
          <time dateTime={new Date(line.time).toISOString()}>{clock.format(line.time)}</time>
        </p>
      )}
      <p className="chat-text">
        {linkify(line.text).map(({ text, href }, index) =>
          href === undefined ? (
            text
          ) : (
            <a key={index} href={href} target="_blank" rel="noopener noreferrer nofollow">
              {text}
            </a>
          ),
        )}
      </p>
    </div>
  );
}
