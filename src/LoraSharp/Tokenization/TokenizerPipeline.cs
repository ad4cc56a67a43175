using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>The JSON of a pipeline's parts, kept to be written again; null: there is no such part.</summary>
internal sealed record PipelineComponents(string? Normalizer, string? PreTokenizer, string? PostProcessor, string? Decoder);

/// <summary>The way from text to ids and back: added tokens, normalizer, pre-tokenizer, model, post-processor, decoder.</summary>
internal sealed class TokenizerPipeline(
    TokenModel model,
    PipelineComponents components,
    Normalizer? normalizer,
    PreTokenizer? preTokenizer,
    PostProcessor? postProcessor,
    TokenDecoder? decoder)
{
    public TokenModel Model => model;

    public PipelineComponents Components => components;

    public PostProcessor? PostProcessor => postProcessor;

    public AddedVocabulary Added { get; } = new(model, normalizer);

    public TruncationOptions? Truncation { get; init; }

    public PaddingOptions? Padding { get; init; }

    /// <summary>Makes a pipeline of a model and the JSON of the other parts.</summary>
    public static TokenizerPipeline Build(
        TokenModel model,
        PipelineComponents components,
        string file,
        bool modelTakesBytes = false,
        TruncationOptions? truncation = null,
        PaddingOptions? padding = null)
    {
        return new TokenizerPipeline(
            model,
            components,
            Part(components.Normalizer, "normalizer", json => ComponentReader.ReadNormalizer(json)),
            Part(components.PreTokenizer, "pre_tokenizer", json => ComponentReader.ReadPreTokenizer(json, modelTakesBytes)),
            Part(components.PostProcessor, "post_processor", json => ComponentReader.ReadPostProcessor(json)),
            Part(components.Decoder, "decoder", json => ComponentReader.ReadDecoder(json)))
        {
            Truncation = truncation,
            Padding = padding,
        };

        T? Part<T>(string? json, string name, Func<JsonField, T> read)
            where T : class
        {
            if (json is null)
            {
                return null;
            }

            using JsonDocument document = JsonDocument.Parse(json);
            return read(new JsonField(document.RootElement, file, "$." + name));
        }
    }

    /// <summary>Encodes one text, without special tokens; <paramref name="sequence"/> is 0, or 1 for the second text of a pair.</summary>
    public EncodingBuffer Encode(string text, int sequence, bool splitSpecialTokens, bool details)
    {
        text = UnicodeText.WithoutLoneSurrogates(text);
        var pieces = new PieceList();
        Added.Split(new NormalizedText(text, track: details || preTokenizer?.NeedsOrigins == true), splitSpecialTokens, pieces);
        preTokenizer?.Apply(pieces);
        var encoding = new EncodingBuffer(details);
        var sink = new TokenSink();
        int word = 0;
        CodePointCounter? counter = details ? new CodePointCounter(text) : null;
        foreach (Piece piece in pieces.Span)
        {
            if (counter is not null)
            {
                AddWithDetails(encoding, piece, sink, counter, word++, sequence);
            }
            else if (piece.AddedId >= 0)
            {
                sink.Add(piece.AddedId, 0, 0);
            }
            else
            {
                model.Tokenize(piece.Span, sink);
            }
        }

        if (counter is null)
        {
            encoding.Ids.AddRange(sink.Ids.Span);
        }

        return encoding;
    }

    /// <summary>The text of an id: the added token's, else the model's, else null.</summary>
    public string? TextOf(int id) => Added.TextOf(id) ?? model.TokenOf(id);

    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens)
    {
        var tokens = new List<string>();
        foreach (int id in ids)
        {
            if (TextOf(id) is { } token && !(skipSpecialTokens && Added.IsSpecial(token)))
            {
                tokens.Add(token);
            }
        }

        return decoder is null ? string.Join(' ', tokens) : string.Concat(decoder.Decode(tokens));
    }

    private void AddWithDetails(EncodingBuffer encoding, Piece piece, TokenSink sink, CodePointCounter counter, int word, int sequence)
    {
        NormalizedText text = piece.Text;
        if (piece.AddedId >= 0)
        {
            (int, int) whole = (counter.Count(text.Origin(piece.Start).Start), counter.Count(text.Origin(piece.Start + piece.Length - 1).End));
            encoding.AddText(piece.AddedId, piece.Span.ToString(), whole, word, sequence);
            return;
        }

        sink.Clear();
        model.Tokenize(piece.Span, sink);
        var units = new UnitMap(piece.Span, model.CountsBytes);
        for (int i = 0; i < sink.Count; i++)
        {
            int id = sink.Ids[i];
            string token = sink.Texts.TryGetValue(i, out string? own) ? own : model.TokenOf(id) ?? "";
            int start = text.Origin(piece.Start + units.CharOf(sink.Starts[i])).Start;
            int end = text.Origin(piece.Start + units.CharOf(sink.Ends[i] - 1)).End;
            encoding.AddText(id, token, (counter.Count(start), counter.Count(end)), word, sequence);
        }
    }
}
