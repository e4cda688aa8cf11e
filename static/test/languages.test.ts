import assert from "node:assert/strict";
import { test } from "node:test";

import { de } from "../src/i18n/de.ts";
import { en } from "../src/i18n/en.ts";

test("every language says everything, in words of its own", () => {
  assert.deepEqual(Object.keys(de), Object.keys(en));
  const alike = (Object.keys(en) as (keyof typeof en)[]).filter((key) => typeof en[key] === "string" && en[key] === de[key]);
  // Words that are the same in both.
  assert.deepEqual(alike.sort(), ["chat", "openChat", "statBitrate", "statCodec", "statJitter"].sort());
  for (const [key, value] of Object.entries(de)) assert.notEqual(value, "", key);
});

test("what people typed comes through sentences unchanged", () => {
  for (const strings of [en, de]) {
    assert.ok(strings.joined("<b>").includes("<b>"));
    assert.ok(strings.nameYou("A & B").includes("A & B"));
  }
});
