using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

public class BadInputTests
{
    [Theory]
    [InlineData("$.model.merges[0]", """["no such","token"]""", "not in the vocabulary")]
    [InlineData("$.model.merges[0]", """["x","y"]""", "makes 'xy', which is not in the vocabulary")]
    [InlineData("$.model.merges[0]", "\"one\"", "a merge is two tokens")]
    [InlineData("$.model.merges", "{}", "array is expected")]
    [InlineData("$.model.vocab", "[]", "object is expected")]
    [InlineData("$.model.vocab.x", "\"7\"", "whole number")]
    [InlineData("$.model.vocab.x", "-1", "whole number")]
    [InlineData("$.model.vocab.x", "1e30", "whole number")]
    [InlineData("$.model.vocab.x", "0", "both have the id 0")]
    [InlineData("$.model.type", "\"GPT\"", "not known")]
    [InlineData("$.model", "null", "missing")]
    [InlineData("$.version", "\"2.0\"", "version '2.0'")]
    [InlineData("$.normalizer", """{"type":"Rot13"}""", "not known")]
    [InlineData("$.normalizer", """{"type":"Precompiled","precompiled_charsmap":"////fw=="}""", "claims a trie of")]
    [InlineData("$.normalizer", """{"type":"Replace","pattern":{"Regex":"(a"},"content":""}""", "not closed")]
    [InlineData("$.pre_tokenizer", """{"type":"Split","pattern":{"String":" "},"behavior":"Sometimes"}""", "behavior 'Sometimes'")]
    [InlineData("$.decoder", "7", "object is expected")]
    [InlineData("$.post_processor.special_tokens", "{}", "not among special_tokens")]
    [InlineData("$.added_tokens[0].id", "\"x\"", "whole number")]
    [InlineData("$.added_tokens[0].content", "\"\\uD800\"", "lone surrogate")]
    [InlineData("$.truncation", """{"max_length":true,"strategy":"LongestFirst"}""", "whole number")]
    public void A_wrong_tokenizer_json_is_refused_with_place_and_cure(string path, string value, string message)
    {
        JsonObject json = SmallTokenizers.ByteLevel();
        using var folder = new TestFolder();
        string file = folder.Write("tokenizer.json", Set(json, path, value));
        TokenizerFormatException error = Assert.Throws<TokenizerFormatException>(() => Tokenizer.FromFile(file));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(file, error.File);
        Assert.StartsWith("$", error.Place, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cut_off_tokenizer_json_is_refused()
    {
        string text = SmallTokenizers.ByteLevel().ToJsonString();
        using var folder = new TestFolder();
        for (int length = 0; length < text.Length; length += 61)
        {
            string file = folder.Write("tokenizer.json", text[..length]);
            Assert.Contains(
                "not valid JSON", Assert.Throws<TokenizerFormatException>(() => Tokenizer.FromFile(file)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Random_changes_to_a_tokenizer_json_never_end_in_another_error()
    {
        string text = SmallTokenizers.ByteLevel().ToJsonString();
        string[] values = ["null", "0", "-1", "99999999999", "\"\"", "\"x\"", "[]", "{}", "true", "[[]]", "{\"type\":\"Sequence\"}", "1.5"];
        var random = new Random(17);
        using var folder = new TestFolder();
        for (int i = 0; i < 400; i++)
        {
            JsonObject json = JsonNode.Parse(text)!.AsObject();
            (JsonNode parent, string key) = RandomPlace(json, random);
            JsonNode? value = JsonNode.Parse(values[random.Next(values.Length)]);
            if (parent is JsonArray array)
            {
                array[int.Parse(key)] = value;
            }
            else
            {
                parent[key] = value;
            }

            string file = folder.Write("tokenizer.json", json.ToJsonString());
            try
            {
                Tokenizer.FromFile(file).EncodeToIds("Hello <s> world, \u00E9\U0001F600");
            }
            catch (Exception e) when (e is TokenizerFormatException or InvalidOperationException)
            {
                // Refused, or (in encoding) the unknown token is missing.
            }
        }
    }

    [Fact]
    public void A_damaged_sentencepiece_model_is_refused()
    {
        byte[] bytes = SmallTokenizers.SentencePiece(
            [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("a", -1, 1), ("b", -2, 1), ("ab", -0.5f, 1), ("\u2581", -3, 1)], bpe: true);
        using var folder = new TestFolder();
        string file = folder.Write("tokenizer.model", bytes);
        Assert.Equal([6, 5], Tokenizer.FromFile(file).EncodeToIds("ab"));
        var random = new Random(23);
        int refused = 0;
        for (int i = 0; i < 1500; i++)
        {
            byte[] changed = i < bytes.Length ? bytes[..i] : [.. bytes];
            for (int k = 0; i >= bytes.Length && k < 1 + (i % 4); k++)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            try
            {
                Tokenizer.FromFile(folder.Write("tokenizer.model", changed)).EncodeToIds("ab ba");
            }
            catch (TokenizerFormatException)
            {
                refused++;
            }
        }

        Assert.True(refused > 300, $"only {refused} were refused");
    }

    [Fact]
    public void A_claim_of_a_gigabyte_is_refused_at_once()
    {
        using var folder = new TestFolder();
        string file = folder.Write("tokenizer.model", [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x03, 1, 2, 3]);
        Assert.Contains(
            "claims 1073741823 bytes", Assert.Throws<TokenizerFormatException>(() => Tokenizer.FromFile(file)).Message, StringComparison.Ordinal);

        JsonObject json = SmallTokenizers.ByteLevel();
        json["model"]!["vocab"]!["far"] = int.MaxValue;
        Tokenizer tokenizer = SmallTokenizers.Load(json);
        Assert.Equal("far", tokenizer.IdToToken(int.MaxValue));
    }

    [Theory]
    [InlineData("YQ== 0\nnot base64! 1\n", "line 2")]
    [InlineData("YQ== 0\nYg== x\n", "line 2")]
    [InlineData("YQ== 0\nYg== 0\n", "both have the id 0")]
    [InlineData("YQ== 0\nYQ== 1\n", "stands twice")]
    public void Damaged_tiktoken_ranks_are_refused(string text, string message)
    {
        using var folder = new TestFolder();
        string file = folder.Write("tokenizer.model", Encoding.ASCII.GetBytes(text));
        Assert.Contains(message, Assert.Throws<TokenizerFormatException>(() => Tokenizer.FromFile(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_or_folder_is_named()
    {
        using var folder = new TestFolder();
        Assert.Contains(
            "none of tokenizer.json", Assert.Throws<FileNotFoundException>(() => Tokenizer.Load(folder.Root)).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => Tokenizer.Load(Path.Combine(folder.Root, "no")));
        Assert.Throws<FileNotFoundException>(() => Tokenizer.FromFile(Path.Combine(folder.Root, "no.json")));
    }

    private static string Set(JsonObject root, string path, string value)
    {
        const string placeholder = "\"@@value@@\"";
        JsonNode node = root;
        string[] steps = path[2..].Replace("[", ".[", StringComparison.Ordinal).Split('.');
        for (int i = 0; i < steps.Length; i++)
        {
            bool last = i == steps.Length - 1;
            if (steps[i].StartsWith('['))
            {
                int index = int.Parse(steps[i].Trim('[', ']'));
                if (last)
                {
                    node.AsArray()[index] = "@@value@@";
                }
                else
                {
                    node = node[index]!;
                }
            }
            else if (last)
            {
                node[steps[i]] = "@@value@@";
            }
            else
            {
                node = node[steps[i]]!;
            }
        }

        var relaxed = new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        return root.ToJsonString(relaxed).Replace(placeholder, value, StringComparison.Ordinal);
    }

    private static (JsonNode Parent, string Key) RandomPlace(JsonNode root, Random random)
    {
        JsonNode parent = root;
        while (true)
        {
            string[] keys = parent is JsonObject obj
                ? [.. obj.Select(pair => pair.Key)]
                : [.. Enumerable.Range(0, parent.AsArray().Count).Select(i => i.ToString())];
            string key = keys[random.Next(keys.Length)];
            JsonNode? child = parent is JsonArray array ? array[int.Parse(key)] : parent[key];
            if (random.Next(3) == 0 || child is not (JsonObject { Count: > 0 } or JsonArray { Count: > 0 }))
            {
                return (parent, key);
            }

            parent = child;
        }
    }
}
