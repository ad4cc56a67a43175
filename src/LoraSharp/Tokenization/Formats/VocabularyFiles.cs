using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization;

/// <summary>Folders from before tokenizer.json: vocab.json and merges.txt (byte-level BPE), or vocab.txt (WordPiece).</summary>
internal static class VocabularyFiles
{
    public static TokenizerPipeline? Read(string folder, JsonField? config, SpecialTokenTable special)
    {
        string vocab = Path.Combine(folder, "vocab.json");
        string merges = Path.Combine(folder, "merges.txt");
        if (File.Exists(vocab) && File.Exists(merges))
        {
            return ReadBytePairs(vocab, merges, config, special);
        }

        string words = Path.Combine(folder, "vocab.txt");
        return File.Exists(words) ? ReadWordPieces(words, config, special) : null;
    }

    private static TokenizerPipeline ReadBytePairs(string vocabFile, string mergesFile, JsonField? config, SpecialTokenTable special)
    {
        JsonField root = JsonField.ReadFile(vocabFile, out JsonDocument document);
        using (document)
        {
            Vocabulary vocabulary = ModelReader.ReadVocabulary(root);
            BpeModel model;
            try
            {
                model = new BpeModel(vocabulary, ReadMerges(mergesFile), new BpeOptions { ByteLevel = true });
            }
            catch (MergeException e)
            {
                throw new TokenizerFormatException(mergesFile, $"merge {e.Rank}", e.Message, "Take vocab.json and merges.txt from one model", e);
            }

            bool prefix = config?.BoolOr("add_prefix_space", false) ?? false;
            bool isRoberta = special.ClassName is "Roberta" or "Bart";
            bool isQwen = special.ClassName is "Qwen2";
            JsonNode pre = isQwen
                ? PipelineJson.Sequence(
                    "pretokenizers", [PipelineJson.SplitAt(Llama3Pattern.Qwen2Source), PipelineJson.ByteLevel(prefix, true, useRegex: false)])
                : PipelineJson.ByteLevel(prefix, true, useRegex: true);
            JsonNode post = isRoberta
                ? PipelineJson.Of(
                    "RobertaProcessing", ("sep", Pair("sep_token")), ("cls", Pair("cls_token")), ("trim_offsets", true), ("add_prefix_space", prefix))
                : PipelineJson.ByteLevel(prefix, trimOffsets: false, useRegex: true);
            return TokenizerPipeline.Build(
                model,
                new PipelineComponents(
                    isQwen ? PipelineJson.Text(PipelineJson.Of("NFC")) : null,
                    PipelineJson.Text(pre),
                    PipelineJson.Text(post),
                    PipelineJson.Text(PipelineJson.ByteLevel(true, true, true))),
                vocabFile,
                modelTakesBytes: true);

            JsonArray Pair(string name) => SpecialPair(special, name, vocabulary, vocabFile);
        }
    }

    private static TokenizerPipeline ReadWordPieces(string file, JsonField? config, SpecialTokenTable special)
    {
        var ids = new Dictionary<string, int>();
        foreach (string line in File.ReadLines(file))
        {
            if (!ids.TryAdd(line.TrimEnd(), ids.Count))
            {
                throw new TokenizerFormatException(
                    file, $"line {ids.Count + 1}", $"the token '{line.TrimEnd()}' stands twice", "Take the file from its source again");
            }
        }

        var vocabulary = new Vocabulary(ids);
        bool lowercase = config?.BoolOr("do_lower_case", true) ?? true;
        JsonObject normalizer = PipelineJson.Of(
            "BertNormalizer",
            ("clean_text", true),
            ("handle_chinese_chars", config?.BoolOr("tokenize_chinese_chars", true) ?? true),
            ("strip_accents", config?.TryGet("strip_accents")?.AsBool() is bool strip ? JsonValue.Create(strip) : null),
            ("lowercase", lowercase));
        JsonObject post = PipelineJson.Of(
            "BertProcessing",
            ("sep", SpecialPair(special, "sep_token", vocabulary, file)),
            ("cls", SpecialPair(special, "cls_token", vocabulary, file)));
        return TokenizerPipeline.Build(
            new WordPieceModel(vocabulary, special["unk_token"]?.Content ?? "[UNK]", "##", 100),
            new PipelineComponents(
                PipelineJson.Text(normalizer),
                PipelineJson.Text(PipelineJson.Of("BertPreTokenizer")),
                PipelineJson.Text(post),
                PipelineJson.Text(PipelineJson.Of("WordPiece", ("prefix", "##"), ("cleanup", true)))),
            file);
    }

    private static List<(string Left, string Right)> ReadMerges(string file)
    {
        var merges = new List<(string, string)>();
        int number = 0;
        foreach (string line in File.ReadLines(file))
        {
            number++;
            if (line.Length == 0 || line.StartsWith("#version", StringComparison.Ordinal))
            {
                continue;
            }

            string[] parts = line.Split(' ');
            if (parts.Length != 2 || parts[0].Length == 0 || parts[1].Length == 0)
            {
                throw new TokenizerFormatException(
                    file, $"line {number}", "a merge is two tokens with one space between", "Take the file from its source again");
            }

            merges.Add((parts[0], parts[1]));
        }

        return merges;
    }

    private static JsonArray SpecialPair(SpecialTokenTable special, string name, Vocabulary vocabulary, string file)
    {
        string token = special[name]?.Content ?? (name == "sep_token" ? "[SEP]" : "[CLS]");
        int id = vocabulary.Find(token);
        return id >= 0
            ? new JsonArray(token, id)
            : throw new TokenizerFormatException(
                file, name, $"the {name} '{token}' is not in the vocabulary", $"Name the right one as {name} in tokenizer_config.json");
    }
}
