using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>Reads tokenizer.json into a <see cref="TokenizerPipeline"/>, and writes it.</summary>
internal static class TokenizerJson
{
    public static TokenizerPipeline Read(string path)
    {
        JsonField root = JsonField.ReadFile(path, out JsonDocument document);
        using (document)
        {
            return Read(root);
        }
    }

    public static TokenizerPipeline Read(JsonField root)
    {
        if (root.TryGet("version") is { } version && version.AsString() != "1.0")
        {
            throw version.Fail($"version '{version.AsString()}' is not known", "Save the tokenizer with version 1.0");
        }

        var components = new PipelineComponents(
            Raw(root, "normalizer"), Raw(root, "pre_tokenizer"), Raw(root, "post_processor"), Raw(root, "decoder"));
        JsonField model = root["model"];
        bool byteLevel = root.TryGet("pre_tokenizer") is { } pre && ModelReader.IsBpe(model) && ComponentReader.EndsWithByteLevel(pre);
        TokenizerPipeline pipeline = TokenizerPipeline.Build(
            ModelReader.Read(model, byteLevel),
            components,
            root.File,
            byteLevel,
            root.TryGet("truncation") is { } truncation ? ReadTruncation(truncation) : null,
            root.TryGet("padding") is { } padding ? ReadPadding(padding) : null);
        if (root.TryGet("added_tokens") is { } added)
        {
            pipeline.Added.Add(ReadAddedTokens(added));
        }

        return pipeline;
    }

    public static void Write(TokenizerPipeline pipeline, Stream stream)
    {
        using var writer = new Utf8JsonWriter(
            stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        writer.WriteStartObject();
        writer.WriteString("version", "1.0");
        WriteTruncation(writer, pipeline.Truncation);
        WritePadding(writer, pipeline.Padding);
        writer.WriteStartArray("added_tokens");
        foreach ((int id, AddedToken token) in pipeline.Added.Tokens)
        {
            writer.WriteStartObject();
            writer.WriteNumber("id", id);
            WriteFields(writer, token);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        WriteRaw(writer, "normalizer", pipeline.Components.Normalizer);
        WriteRaw(writer, "pre_tokenizer", pipeline.Components.PreTokenizer);
        WriteRaw(writer, "post_processor", pipeline.Components.PostProcessor);
        WriteRaw(writer, "decoder", pipeline.Components.Decoder);
        writer.WriteStartObject("model");
        pipeline.Model.Write(writer);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    public static void WriteFields(Utf8JsonWriter writer, AddedToken token)
    {
        writer.WriteString("content", token.Content);
        writer.WriteBoolean("single_word", token.SingleWord);
        writer.WriteBoolean("lstrip", token.LStrip);
        writer.WriteBoolean("rstrip", token.RStrip);
        writer.WriteBoolean("normalized", token.Normalized);
        writer.WriteBoolean("special", token.Special);
    }

    /// <summary>The added tokens of a list. Their ids follow from the vocabulary and their order, as in the reference.</summary>
    private static List<AddedToken> ReadAddedTokens(JsonField json)
    {
        var tokens = new List<AddedToken>(json.ArrayLength());
        var seen = new HashSet<int>();
        foreach (JsonField item in json.Items())
        {
            int id = item["id"].AsCount();
            if (!seen.Add(id))
            {
                throw item.Fail($"the id {id} is given to two added tokens", "Give each token an id of its own");
            }

            tokens.Add(ReadAddedToken(item, item["content"].AsString(), normalized: true));
        }

        return tokens;
    }

    /// <summary>The flags of an added token; those that are missing have the reference's defaults.</summary>
    public static AddedToken ReadAddedToken(JsonField json, string content, bool normalized, bool special = false) => new(content)
    {
        SingleWord = json.BoolOr("single_word", false),
        LStrip = json.BoolOr("lstrip", false),
        RStrip = json.BoolOr("rstrip", false),
        Normalized = json.BoolOr("normalized", normalized),
        Special = json.BoolOr("special", special),
    };

    private static TruncationOptions ReadTruncation(JsonField json) => new(json["max_length"].AsCount())
    {
        Strategy = json.StringOr("strategy", "LongestFirst") switch
        {
            "LongestFirst" => TruncationStrategy.LongestFirst,
            "OnlyFirst" => TruncationStrategy.OnlyFirst,
            "OnlySecond" => TruncationStrategy.OnlySecond,
            string other => throw json["strategy"].Fail($"the strategy '{other}' is not known", "Use LongestFirst, OnlyFirst or OnlySecond"),
        },
        Side = ReadSide(json),
    };

    private static PaddingOptions ReadPadding(JsonField json)
    {
        int? length = json.TryGet("strategy") is { Kind: JsonValueKind.Object } strategy ? strategy["Fixed"].AsCount() : null;
        return new PaddingOptions
        {
            Length = length,
            PadToMultipleOf = json.TryGet("pad_to_multiple_of")?.AsCount(),
            Side = ReadSide(json),
            PadId = json["pad_id"].AsCount(),
            PadTypeId = json.TryGet("pad_type_id")?.AsCount() ?? 0,
            PadToken = json["pad_token"].AsString(),
        };
    }

    private static SequenceSide ReadSide(JsonField json) => json.StringOr("direction", "Right") switch
    {
        "Right" => SequenceSide.Right,
        "Left" => SequenceSide.Left,
        string other => throw json["direction"].Fail($"the direction '{other}' is not known", "Use Left or Right"),
    };

    private static void WriteTruncation(Utf8JsonWriter writer, TruncationOptions? truncation)
    {
        if (truncation is null)
        {
            writer.WriteNull("truncation");
            return;
        }

        writer.WriteStartObject("truncation");
        writer.WriteString("direction", truncation.Side.ToString());
        writer.WriteNumber("max_length", truncation.MaxLength);
        writer.WriteString("strategy", truncation.Strategy.ToString());
        writer.WriteNumber("stride", 0);
        writer.WriteEndObject();
    }

    private static void WritePadding(Utf8JsonWriter writer, PaddingOptions? padding)
    {
        if (padding is null)
        {
            writer.WriteNull("padding");
            return;
        }

        writer.WriteStartObject("padding");
        if (padding.Length is int length)
        {
            writer.WriteStartObject("strategy");
            writer.WriteNumber("Fixed", length);
            writer.WriteEndObject();
        }
        else
        {
            writer.WriteString("strategy", "BatchLongest");
        }

        writer.WriteString("direction", padding.Side.ToString());
        if (padding.PadToMultipleOf is int multiple)
        {
            writer.WriteNumber("pad_to_multiple_of", multiple);
        }
        else
        {
            writer.WriteNull("pad_to_multiple_of");
        }

        writer.WriteNumber("pad_id", padding.PadId ?? 0);
        writer.WriteNumber("pad_type_id", padding.PadTypeId);
        writer.WriteString("pad_token", padding.PadToken ?? "[PAD]");
        writer.WriteEndObject();
    }

    private static string? Raw(JsonField root, string name) => root.TryGet(name)?.Element.GetRawText();

    private static void WriteRaw(Utf8JsonWriter writer, string name, string? json)
    {
        writer.WritePropertyName(name);
        if (json is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            using JsonDocument document = JsonDocument.Parse(json);
            document.RootElement.WriteTo(writer);
        }
    }
}
