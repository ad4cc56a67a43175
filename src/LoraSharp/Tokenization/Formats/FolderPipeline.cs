namespace LoraSharp.Tokenization;

/// <summary>Finds the file of a folder that holds the vocabulary, and makes the pipeline that the folder's tokenizer class asks for.</summary>
internal static class FolderPipeline
{
    public static TokenizerPipeline Read(string folder, JsonField? config, SpecialTokenTable special)
    {
        string json = Path.Combine(folder, "tokenizer.json");
        if (File.Exists(json))
        {
            TokenizerPipeline pipeline = TokenizerJson.Read(json);
            return special.ClassName == "Llama" && pipeline.Model is BpeModel bpe ? RebuildLlama(pipeline, bpe, config, json) : pipeline;
        }

        foreach (string name in new[] { "tokenizer.model", "spiece.model", "spm.model", "sentencepiece.bpe.model" })
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
            {
                return ReadModel(path, config, special);
            }
        }

        string[] ranks = Directory.GetFiles(folder, "*.tiktoken");
        if (ranks.Length == 1)
        {
            return TiktokenFile.Read(ranks[0], File.ReadAllBytes(ranks[0])).ToPipeline();
        }

        return VocabularyFiles.Read(folder, config, special) ?? throw new FileNotFoundException(
            $"The folder '{folder}' holds no tokenizer: none of tokenizer.json, tokenizer.model, spiece.model, *.tiktoken, vocab.json with merges.txt,"
                + " vocab.txt is there. Copy one of them from the model's source.");
    }

    private static TokenizerPipeline RebuildLlama(TokenizerPipeline pipeline, BpeModel model, JsonField? config, string file)
    {
        TokenizerPipeline llama = SentencePiecePipeline.Llama(
            model.Vocabulary, model.Merges, IsLegacy(config), AddsPrefixSpace(config), pipeline.Components.PostProcessor, file);
        llama.Added.Add([.. pipeline.Added.Tokens.OrderBy(pair => pair.Key).Select(pair => pair.Value)]);
        return llama;
    }

    private static bool IsLegacy(JsonField? config) => config?.BoolOr("legacy", false) ?? false;

    private static bool AddsPrefixSpace(JsonField? config) => config?.BoolOr("add_prefix_space", true) ?? true;

    private static TokenizerPipeline ReadModel(string path, JsonField? config, SpecialTokenTable special)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (TiktokenFile.IsRanks(bytes))
        {
            return TiktokenFile.Read(path, bytes).ToPipeline();
        }

        SentencePieceModel model = SentencePieceModel.Read(path, bytes);
        if (SentencePieceClasses.Read(model, special) is { } known)
        {
            return known;
        }

        // The model itself names its tokens where nothing else does.
        special.AddMissing(model.NamedTokens().Where(pair => pair.Key != "pad_token"));
        string frame = PipelineJson.Text(PipelineJson.BosEos(Frame("add_bos_token", "bos_token"), Frame("add_eos_token", "eos_token")));
        if (special.ClassName != "Llama" || !model.IsBpe)
        {
            return SentencePiecePipeline.Generic(model, frame);
        }

        Vocabulary vocabulary = model.ToVocabulary();
        TokenizerPipeline pipeline = SentencePiecePipeline.Llama(
            vocabulary, model.ToMerges(vocabulary), IsLegacy(config), AddsPrefixSpace(config), frame, path);
        pipeline.Added.Add(SentencePiecePipeline.AddedTokens(model, withUnknown: false));
        return pipeline;

        (string, int)? Frame(string option, string name)
        {
            AddedToken? token = special[name];
            int id = token is null ? -1 : model.Pieces.FindIndex(piece => piece.Text == token.Content);
            return config?.BoolOr(option, false) == true && id >= 0 ? (token!.Content, id) : null;
        }
    }
}
