using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization;

/// <summary>Pipelines for SentencePiece models.</summary>
internal static class SentencePiecePipeline
{
    public const string Mark = "\u2581";

    /// <summary>SentencePiece's own ids. Control pieces written in the text are found, unless special tokens are split.</summary>
    public static TokenizerPipeline Exact(SentencePieceModel model)
    {
        // A text that is cut at user-defined pieces gets its dummy prefix only at the beginning, which Metaspace "first" does; else the simpler way.
        bool hasUserDefined = model.Pieces.Exists(piece => piece.Kind == PieceKind.UserDefined);
        List<JsonNode> normalizers = CharacterMap(model);
        if (model.RemoveExtraWhitespaces)
        {
            normalizers.Add(PipelineJson.ReplaceRegex(@"\A +| +\z", ""));
            normalizers.Add(PipelineJson.ReplaceRegex(" {2,}", " "));
        }

        if (model.AddDummyPrefix && !hasUserDefined)
        {
            normalizers.Add(PipelineJson.Of("Prepend", ("prepend", model.EscapeWhitespaces ? Mark : " ")));
        }

        if (model.EscapeWhitespaces)
        {
            normalizers.Add(PipelineJson.Replace(" ", Mark));
        }

        TokenModel tokens = MakeModel(model, model.ByteFallback, model.UnkId);
        bool prefixLater = model.AddDummyPrefix && hasUserDefined;
        // Where no piece goes on beyond a mark, words cannot touch each other, and each can be looked up by itself.
        bool splits = !model.IsBpe && !model.Pieces.Exists(piece => piece.Text.LastIndexOf('\u2581') > 0);
        JsonObject? pre = prefixLater || splits ? Metaspace(prefixLater ? "first" : "never", splits) : null;
        TokenizerPipeline pipeline = TokenizerPipeline.Build(
            tokens,
            new PipelineComponents(
                normalizers.Count > 0 ? PipelineJson.Text(PipelineJson.Sequence("normalizers", normalizers)) : null,
                pre is null ? null : PipelineJson.Text(pre),
                PipelineJson.Text(PipelineJson.BosEos(null, null)),
                PipelineJson.Text(Decoder(model.AddDummyPrefix, byteFallback: true))),
            model.File);
        pipeline.Added.Add(AddedTokens(model, withUnknown: true));
        return pipeline;
    }

    /// <summary>What transformers makes of a tokenizer.model that belongs to no special class: no dummy prefix.</summary>
    public static TokenizerPipeline Generic(SentencePieceModel model, string postProcessor)
    {
        List<JsonNode> normalizers = CharacterMap(model);
        normalizers.Add(PipelineJson.Replace(" ", Mark));
        TokenizerPipeline pipeline = TokenizerPipeline.Build(
            MakeModel(model, model.ByteFallback, model.UnkId),
            new PipelineComponents(
                PipelineJson.Text(PipelineJson.Sequence("normalizers", normalizers)),
                null,
                postProcessor,
                PipelineJson.Text(Decoder(prefix: false, model.ByteFallback))),
            model.File);
        pipeline.Added.Add(AddedTokens(model, withUnknown: false));
        return pipeline;
    }

    /// <summary>
    /// transformers' LlamaTokenizer over a BPE vocabulary, whatever pipeline the files describe: no normalizer, Metaspace without a split, byte
    /// fallback.
    /// </summary>
    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="merges">The merges.</param>
    /// <param name="legacy">Every piece between special tokens gets the mark in front; else only the beginning of the text.</param>
    /// <param name="addPrefixSpace">Whether there is such a mark at all.</param>
    /// <param name="postProcessor">The post-processor's JSON, or null.</param>
    /// <param name="file">The file to name in errors.</param>
    public static TokenizerPipeline Llama(
        Vocabulary vocabulary,
        IReadOnlyList<(string Left, string Right)> merges,
        bool legacy,
        bool addPrefixSpace,
        string? postProcessor,
        string file)
    {
        var model = new BpeModel(vocabulary, merges, new BpeOptions { FuseUnk = true, ByteFallback = true });
        string scheme = !addPrefixSpace ? "never" : legacy ? "always" : "first";
        return TokenizerPipeline.Build(
            model,
            new PipelineComponents(
                null,
                PipelineJson.Text(Metaspace(scheme, split: false)),
                postProcessor,
                PipelineJson.Text(Decoder(addPrefixSpace, byteFallback: true))),
            file);
    }

    /// <summary>The control and user-defined pieces (and, if asked for, the unknown one) as added tokens.</summary>
    public static IEnumerable<AddedToken> AddedTokens(SentencePieceModel model, bool withUnknown) => model.Pieces
        .Where(piece => piece.Kind is PieceKind.Control or PieceKind.UserDefined || (withUnknown && piece.Kind == PieceKind.Unknown))
        .Select(piece => new AddedToken(piece.Text) { Special = piece.Kind != PieceKind.UserDefined });

    /// <summary>The model's character map as a list of normalizers; empty where it has none.</summary>
    public static List<JsonNode> CharacterMap(SentencePieceModel model) => model.CharacterMap.Length == 0
        ? []
        : [PipelineJson.Of("Precompiled", ("precompiled_charsmap", Convert.ToBase64String(model.CharacterMap)))];

    private static TokenModel MakeModel(SentencePieceModel model, bool byteFallback, int unkId)
    {
        if (unkId < 0 || unkId >= model.Pieces.Count)
        {
            throw new TokenizerFormatException(
                model.File,
                "trainer_spec.unk_id",
                $"the id {unkId} is not that of one of the {model.Pieces.Count} pieces",
                "Take the file from its source again");
        }

        if (!model.IsBpe)
        {
            return new UnigramModel([.. model.Pieces.Select(piece => (piece.Text, (double)piece.Score))], unkId, byteFallback);
        }

        Vocabulary vocabulary = model.ToVocabulary();
        return new BpeModel(
            vocabulary,
            model.ToMerges(vocabulary),
            new BpeOptions { UnkToken = model.Pieces[unkId].Text, FuseUnk = true, ByteFallback = byteFallback });
    }

    public static JsonObject Metaspace(string scheme, bool split) =>
        PipelineJson.Of("Metaspace", ("replacement", Mark), ("prepend_scheme", scheme), ("split", split));

    private static JsonObject Decoder(bool prefix, bool byteFallback)
    {
        var parts = new List<JsonNode> { PipelineJson.Replace(Mark, " ") };
        if (byteFallback)
        {
            parts.Add(PipelineJson.Of("ByteFallback"));
            parts.Add(PipelineJson.Of("Fuse"));
        }

        if (prefix)
        {
            parts.Add(PipelineJson.Of("Strip", ("content", " "), ("start", 1), ("stop", 0)));
        }

        return PipelineJson.Sequence("decoders", parts);
    }
}
