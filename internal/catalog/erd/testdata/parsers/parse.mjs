// Reads texts of one format as JSON, {"format": "mermaid" | "dbml", "texts": […]}, and prints a list as long: what the format's
// own parser reports for each, or what it found: {"error": …} or {"tables": […], "relations": number}.
import { readFileSync } from 'node:fs';

const parsers = {
  async mermaid() {
    const { default: mermaid } = await import('mermaid');
    return async (text) => {
      await mermaid.parse(text); // knows the kinds of diagram only from here on
      const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
      return { tables: [...db.getEntities().keys()], relations: db.getRelationships().length };
    };
  },
  async dbml() {
    const { Parser } = await import('@dbml/core');
    return (text) => {
      const [schema] = new Parser().parse(text, 'dbmlv2').schemas;
      return { tables: schema.tables.map((t) => t.name), relations: schema.refs.length };
    };
  },
};

const { format, texts } = JSON.parse(readFileSync(0, 'utf8'));
const parse = await parsers[format]();
const answers = [];
for (const text of texts) {
  try {
    answers.push(await parse(text));
  } catch (e) {
    answers.push({ error: e.message ?? e.diags.map((d) => d.message).join('; ') });
  }
}
console.log(JSON.stringify(answers));
