using System.Text.Json;
using LoraSharp.Tests.Golden;
using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

/// <summary>Every row of every golden tokenizer case.</summary>
public class GoldenTests
{
    [Theory, GoldenCases("tokenizer")]
    public void Golden(string name)
    {
        var c = new GoldenCase("tokenizer", name);
        c.RequireKnownParameters("load", "loader", "model_files");
        Tokenizer tokenizer = Load(c);
        var failures = new List<string>();
        Rows(c, "encode", failures, (input, expected) => Encode(tokenizer, input, expected));
        Rows(c, "decode", failures, (input, expected) => Same("text", expected.GetString()!, tokenizer.Decode(Ints(input.GetProperty("ids")), Skips(input))));
        Rows(c, "stream", failures, (input, expected) => Stream(tokenizer, input, expected));
        Rows(c, "batch", failures, (input, expected) => Batch(tokenizer, input, expected));
        Rows(c, "token_to_id", failures, (input, expected) => Same("id", OptionalInt(expected), tokenizer.TokenToId(input.GetString()!)));
        Rows(c, "id_to_token", failures, (input, expected) => Same("token", expected.GetString(), tokenizer.IdToToken(input.GetInt32())));
        Check(failures, "sizes", () =>
        {
            Same("vocab_size", c.Expected.GetProperty("vocab_size").GetInt32(), tokenizer.VocabSize);
            Same("vocab_size_with_added_tokens", c.Expected.GetProperty("vocab_size_with_added_tokens").GetInt32(), tokenizer.VocabSizeWithAddedTokens);
            int[] added = [tokenizer.CountAddedSpecialTokens(), tokenizer.CountAddedSpecialTokens(pair: true)];
            SameList("num_special_tokens_to_add", Ints(c.Expected.GetProperty("num_special_tokens_to_add")), added);
        });
        Assert.True(failures.Count == 0, $"{failures.Count} rows differ:\n{string.Join('\n', failures.Take(8))}");
    }

    /// <summary>The tokenizer of a case, loaded in the way that the case asks for.</summary>
    internal static Tokenizer Load(GoldenCase c)
    {
        string files = c.Parameters.GetProperty("model_files").GetString()!;
        string folder = files == "case" ? c.Folder : RealModels.Require(files["models:".Length..]);
        string path = Path.Combine(folder, c.Parameters.GetProperty("load").GetString()!);
        return c.Parameters.GetProperty("loader").GetString() switch
        {
            "tokenizers" or "sentencepiece" => Tokenizer.FromFile(path),
            "transformers" => Tokenizer.Load(folder),
            var other => throw new InvalidOperationException($"{c}: the runner does not know the loader '{other}'."),
        };
    }

    private static void Encode(Tokenizer tokenizer, JsonElement input, JsonElement expected)
    {
        string text = input.GetProperty("text").GetString()!;
        string? pair = input.GetProperty("pair").GetString();
        var options = new EncodeOptions { SplitSpecialTokens = input.GetProperty("split_special_tokens").GetBoolean() };
        TokenEncoding encoding = tokenizer.Encode(text, pair, options);
        SameList("ids", Ints(expected.GetProperty("ids")), encoding.Ids);
        SameList("tokens", expected.GetProperty("tokens").EnumerateArray().Select(token => token.GetString()!).ToArray(), encoding.Tokens);
        SameList("offsets", Offsets(expected.GetProperty("offsets")), encoding.Offsets);
        SameList("type_ids", Ints(expected.GetProperty("type_ids")), encoding.TypeIds);
        SameList("special_tokens_mask", Ints(expected.GetProperty("special_tokens_mask")), encoding.SpecialTokensMask);
        int[] plain = Ints(expected.GetProperty("ids_without_special_tokens"));
        SameList("ids_without_special_tokens", plain, tokenizer.Encode(text, pair, options with { AddSpecialTokens = false }).Ids);
        if (pair is null && !options.SplitSpecialTokens)
        {
            SameList("EncodeToIds", encoding.Ids, tokenizer.EncodeToIds(text));
            SameList("EncodeToIds without special tokens", plain, tokenizer.EncodeToIds(text, addSpecialTokens: false));
        }

        Same("decoded", expected.GetProperty("decoded").GetString(), tokenizer.Decode(encoding.Ids));
        Same(
            "decoded_skip_special_tokens",
            expected.GetProperty("decoded_skip_special_tokens").GetString(),
            tokenizer.Decode(encoding.Ids, skipSpecialTokens: true));
    }

    private static void Stream(Tokenizer tokenizer, JsonElement input, JsonElement expected)
    {
        StreamingDecoder decoder = tokenizer.CreateStreamingDecoder(Skips(input));
        string?[] pieces = [.. Ints(input.GetProperty("ids")).Select(decoder.Add)];
        SameList("pieces", expected.GetProperty("pieces").EnumerateArray().Select(piece => piece.GetString()).ToArray(), pieces);
        Same("rest", expected.GetProperty("rest").GetString() ?? "", decoder.Flush());
    }

    private static void Batch(Tokenizer tokenizer, JsonElement input, JsonElement expected)
    {
        var options = new EncodeOptions
        {
            AddSpecialTokens = input.GetProperty("add_special_tokens").GetBoolean(),
            Truncation = ReadTruncation(input.GetProperty("truncation")),
            Padding = ReadPadding(input.GetProperty("padding")),
        };
        string[]? pairs = input.GetProperty("pairs").ValueKind == JsonValueKind.Null ? null : Strings(input.GetProperty("pairs"));
        if (expected.TryGetProperty("error", out _))
        {
            Assert.ThrowsAny<ArgumentException>(() => tokenizer.EncodeBatch(Strings(input.GetProperty("texts")), pairs, options));
            return;
        }

        IReadOnlyList<TokenEncoding> encodings = tokenizer.EncodeBatch(Strings(input.GetProperty("texts")), pairs, options);
        for (int i = 0; i < encodings.Count; i++)
        {
            SameList("ids", Ints(expected.GetProperty("ids")[i]), encodings[i].Ids);
            SameList("attention_mask", Ints(expected.GetProperty("attention_mask")[i]), encodings[i].AttentionMask);
            SameList("type_ids", Ints(expected.GetProperty("type_ids")[i]), encodings[i].TypeIds);
            SameList("special_tokens_mask", Ints(expected.GetProperty("special_tokens_mask")[i]), encodings[i].SpecialTokensMask);
            SameList("offsets", Offsets(expected.GetProperty("offsets")[i]), encodings[i].Offsets);
        }
    }

    private static TruncationOptions? ReadTruncation(JsonElement json) =>
        json.ValueKind == JsonValueKind.Null ? null : new TruncationOptions(json.GetProperty("max_length").GetInt32())
        {
            Strategy = Enum.Parse<TruncationStrategy>(
            json.GetProperty("strategy").GetString()!.Replace("_", "", StringComparison.Ordinal), ignoreCase: true),
            Side = ReadSide(json),
        };

    private static PaddingOptions? ReadPadding(JsonElement json) => json.ValueKind == JsonValueKind.Null ? null : new PaddingOptions
    {
        Side = ReadSide(json),
        PadId = json.GetProperty("pad_id").GetInt32(),
        PadTypeId = json.GetProperty("pad_type_id").GetInt32(),
        PadToken = json.GetProperty("pad_token").GetString(),
        Length = OptionalInt(json.GetProperty("length")),
        PadToMultipleOf = OptionalInt(json.GetProperty("pad_to_multiple_of")),
    };

    private static SequenceSide ReadSide(JsonElement json) => Enum.Parse<SequenceSide>(json.GetProperty("direction").GetString()!, ignoreCase: true);

    private static void Rows(GoldenCase c, string list, List<string> failures, Action<JsonElement, JsonElement> check)
    {
        JsonElement inputs = c.Inputs.GetProperty(list);
        JsonElement expected = c.Expected.GetProperty(list);
        Assert.Equal(inputs.GetArrayLength(), expected.GetArrayLength());
        for (int i = 0; i < inputs.GetArrayLength(); i++)
        {
            (JsonElement input, JsonElement want) = (inputs[i], expected[i]);
            Check(failures, $"{list}[{i}] {Shorten(input.GetRawText())}", () => check(input, want));
        }
    }

    private static void Check(List<string> failures, string what, Action check)
    {
        try
        {
            check();
        }
        catch (Exception e)
        {
            failures.Add($"{what}: {(e is Xunit.Sdk.XunitException ? e.Message : e.ToString())}");
        }
    }

    private static void Same<T>(string what, T expected, T actual) =>
        Assert.True(
            EqualityComparer<T>.Default.Equals(expected, actual),
            $"{what}: expected {JsonSerializer.Serialize(expected)}, got {JsonSerializer.Serialize(actual)}");

    private static void SameList<T>(string what, IReadOnlyList<T> expected, IReadOnlyList<T> actual) =>
        Assert.True(
            expected.SequenceEqual(actual),
            $"{what}:\n  expected {Shorten(string.Join(' ', expected), 900)}\n  got      {Shorten(string.Join(' ', actual), 900)}");

    private static bool Skips(JsonElement input) => input.GetProperty("skip_special_tokens").GetBoolean();

    private static int? OptionalInt(JsonElement json) => json.ValueKind == JsonValueKind.Null ? null : json.GetInt32();

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetInt32())];

    private static string[] Strings(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetString()!)];

    private static (int, int)[] Offsets(JsonElement array) => [.. array.EnumerateArray().Select(item => (item[0].GetInt32(), item[1].GetInt32()))];

    private static string Shorten(string text, int length = 160) => text.Length <= length ? text : text[..length] + "...";
}
