using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization;

/// <summary>The pipelines that some classes of transformers put around a Unigram model when a folder has no tokenizer.json.</summary>
internal static class SentencePieceClasses
{
    /// <summary>The pipeline of the folder's class, or null where it has none of its own here.</summary>
    public static TokenizerPipeline? Read(SentencePieceModel model, SpecialTokenTable special) => model.IsBpe ? null : special.ClassName switch
    {
        "T5" or "MT5" => T5(model, special),
        "DebertaV2" => DebertaV2(model, special),
        "XLMRoberta" => XlmRoberta(model, special),
        _ => null,
    };

    /// <summary>Sentinels behind the pieces, words by whitespace, EOS behind each text.</summary>
    private static TokenizerPipeline T5(SentencePieceModel model, SpecialTokenTable special)
    {
        List<(string, double)> pieces = Pieces(model);
        int sentinels = special.Extra.Count(token => token.Content.StartsWith("<extra_id_", StringComparison.Ordinal));
        for (int i = (sentinels == 0 ? 100 : sentinels) - 1; i >= 0; i--)
        {
            pieces.Add(($"<extra_id_{i}>", 0.0));
        }

        JsonObject pre = PipelineJson.Sequence(
            "pretokenizers", [PipelineJson.Of("WhitespaceSplit"), SentencePiecePipeline.Metaspace("always", split: true)]);
        string eos = Require(special, "eos_token", model);
        string[] single = ["$A:0", $"{eos}:0"];
        return Build(model, pieces, model.UnkId, SentencePiecePipeline.CharacterMap(model), pre, single, [.. single, "$B:0", $"{eos}:0"], [eos]);
    }

    /// <summary>BERT's frame; spaces are stripped and runs of them joined.</summary>
    private static TokenizerPipeline DebertaV2(SentencePieceModel model, SpecialTokenTable special)
    {
        List<JsonNode> normalizers =
        [
            PipelineJson.Of("Strip", ("strip_left", true), ("strip_right", true)),
            .. SentencePiecePipeline.CharacterMap(model),
            PipelineJson.ReplaceRegex(" {2,}", " "),
        ];
        JsonObject pre = SentencePiecePipeline.Metaspace("always", split: true);
        (string cls, string sep) = (Require(special, "cls_token", model), Require(special, "sep_token", model));
        string[] single = [$"{cls}:0", "$A:0", $"{sep}:0"];
        return Build(model, Pieces(model), model.UnkId, normalizers, pre, single, [.. single, "$B:1", $"{sep}:1"], [cls, sep]);
    }

    /// <summary>The first pieces are fairseq's own, which shifts the ids by one; RoBERTa's frame.</summary>
    private static TokenizerPipeline XlmRoberta(SentencePieceModel model, SpecialTokenTable special)
    {
        List<(string, double)> pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), .. Pieces(model).Skip(3), ("<mask>", 0.0)];
        List<JsonNode> normalizers = [.. SentencePiecePipeline.CharacterMap(model), PipelineJson.ReplaceRegex(" {2,}", " ")];
        (string cls, string sep) = (Require(special, "cls_token", model), Require(special, "sep_token", model));
        string[] single = [$"{cls}:0", "$A:0", $"{sep}:0"];
        JsonObject pre = SentencePiecePipeline.Metaspace("always", split: true);
        TokenizerPipeline pipeline = Build(model, pieces, 3, normalizers, pre, single, [.. single, $"{sep}:0", "$B:0", $"{sep}:0"], [cls, sep]);
        pipeline.Added.Add([new AddedToken("<mask>") { LStrip = true, Special = true }]);
        return pipeline;
    }

    private static TokenizerPipeline Build(
        SentencePieceModel model,
        List<(string, double)> pieces,
        int unkId,
        List<JsonNode> normalizers,
        JsonNode preTokenizer,
        string[] single,
        string[] pair,
        string[] special)
    {
        if (unkId < 0 || unkId >= pieces.Count)
        {
            throw new TokenizerFormatException(
                model.File,
                "trainer_spec.unk_id",
                $"the id {unkId} is not that of one of the {pieces.Count} pieces",
                "Take the file from its source again");
        }

        var unigram = new UnigramModel(pieces, unkId, model.ByteFallback);
        JsonObject frame = PipelineJson.Template(single, pair, special.Distinct().Select(token => (token, unigram.IdOf(token) is >= 0 and int id
            ? id
            : throw new TokenizerFormatException(
                model.File, "pieces", $"the special token '{token}' is not among the pieces", "Name the right one in tokenizer_config.json"))));
        return TokenizerPipeline.Build(
            unigram,
            new PipelineComponents(
                normalizers.Count == 0 ? null : PipelineJson.Text(PipelineJson.Sequence("normalizers", normalizers)),
                PipelineJson.Text(preTokenizer),
                PipelineJson.Text(frame),
                PipelineJson.Text(SentencePiecePipeline.Metaspace("always", split: true))),
            model.File);
    }

    private static List<(string Piece, double Score)> Pieces(SentencePieceModel model) =>
        [.. model.Pieces.Select(piece => (piece.Text, (double)piece.Score))];

    private static string Require(SpecialTokenTable special, string name, SentencePieceModel model) =>
        special[name]?.Content ?? throw new TokenizerFormatException(
            model.File, name, $"the class {special.ClassName}Tokenizer needs a {name}", "Name it in tokenizer_config.json");
}
