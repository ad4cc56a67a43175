using System.Text;
using System.Text.Json.Nodes;
using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

/// <summary>Small tokenizers as the text of tokenizer.json.</summary>
internal static class SmallTokenizers
{
    /// <summary>A byte-level BPE with all bytes, a few merges and one special token.</summary>
    public static JsonObject ByteLevel(string preTokenizer = """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""")
    {
        var vocab = new JsonObject();
        foreach (char c in ByteAlphabet.Chars)
        {
            vocab[c.ToString()] = vocab.Count;
        }

        var merges = new JsonArray();
        (string, string)[] pairs = [("\u0120", "t"), ("h", "e"), ("\u0120t", "he"), ("a", "b"), ("ab", "ab"), ("\u00C3", "\u00A9"), ("l", "l"), ("1", "2")];
        foreach ((string left, string right) in pairs)
        {
            vocab[left + right] = vocab.Count;
            merges.Add(new JsonArray(left, right));
        }

        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray(new JsonObject
            {
                ["id"] = vocab.Count, ["content"] = "<s>", ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false,
                ["normalized"] = false, ["special"] = true,
            }),
            ["normalizer"] = null,
            ["pre_tokenizer"] = JsonNode.Parse(preTokenizer),
            ["post_processor"] = JsonNode.Parse("""
                {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
                "pair":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
                "special_tokens":{"<s>":{"id":"<s>","ids":[264],"tokens":["<s>"]}}}
                """),
            ["decoder"] = JsonNode.Parse("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"""),
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocab, ["merges"] = merges },
        };
    }

    public static Tokenizer Load(JsonNode json)
    {
        using var folder = new TestFolder();
        return Tokenizer.FromFile(folder.Write("tokenizer.json", json.ToJsonString()));
    }

    /// <summary>A SentencePiece model file with the given pieces.</summary>
    public static byte[] SentencePiece(
        IEnumerable<(string Text, float Score, int Kind)> pieces, bool bpe, bool byteFallback = false, bool removeExtraSpaces = false)
    {
        using var file = new MemoryStream();
        foreach ((string text, float score, int kind) in pieces)
        {
            using var piece = new MemoryStream();
            WriteBytes(piece, 1, Encoding.UTF8.GetBytes(text));
            piece.WriteByte((2 << 3) | 5);
            piece.Write(BitConverter.GetBytes(score));
            WriteNumber(piece, 3, kind);
            WriteBytes(file, 1, piece.ToArray());
        }

        using var trainer = new MemoryStream();
        WriteNumber(trainer, 3, bpe ? 2 : 1);
        WriteNumber(trainer, 35, byteFallback ? 1 : 0);
        WriteBytes(file, 2, trainer.ToArray());
        using var normalizer = new MemoryStream();
        WriteNumber(normalizer, 4, removeExtraSpaces ? 1 : 0);
        WriteBytes(file, 3, normalizer.ToArray());
        return file.ToArray();
    }

    private static void WriteNumber(Stream stream, int field, int value)
    {
        WriteVarint(stream, field << 3);
        WriteVarint(stream, value);
    }

    private static void WriteBytes(Stream stream, int field, byte[] bytes)
    {
        WriteVarint(stream, (field << 3) | 2);
        WriteVarint(stream, bytes.Length);
        stream.Write(bytes);
    }

    private static void WriteVarint(Stream stream, int value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            stream.WriteByte((byte)(value | 0x80));
        }

        stream.WriteByte((byte)value);
    }
}
