using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>A folder as sentence-transformers writes it: a small random BERT, a WordPiece vocabulary, and its settings.</summary>
internal static class SmallBert
{
    private const int VocabularySize = 90;

    public static void Write(string folder, bool half = false, string prefix = "", bool oldBuffers = false)
    {
        string source = GoldenFolder.ModelFolder("bert-pooled")!;
        File.Copy(Path.Combine(source, "config.json"), Path.Combine(folder, "config.json"));
        WriteWeights(Path.Combine(source, "model.safetensors"), Path.Combine(folder, "model.safetensors"), half, prefix, oldBuffers);
        string[] words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "world", ",", "!", .. Enumerable.Range('a', 26).Select(letter => $"{(char)letter}")];
        File.WriteAllLines(Path.Combine(folder, "vocab.txt"), words.Concat(Enumerable.Range(0, VocabularySize - words.Length).Select(i => $"##x{i}")));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """
            {"tokenizer_class": "BertTokenizer", "do_lower_case": true, "model_max_length": 512, "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
            """);
        File.WriteAllText(Path.Combine(folder, "sentence_bert_config.json"), """{"max_seq_length": 16, "do_lower_case": false}""");
        File.WriteAllText(Path.Combine(folder, "modules.json"), """
            [{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}, {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
             {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
            """);
        Directory.CreateDirectory(Path.Combine(folder, "1_Pooling"));
        File.WriteAllText(Path.Combine(folder, "1_Pooling", "config.json"), """
            {"word_embedding_dimension": 32, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false, "pooling_mode_mean_sqrt_len_tokens": false}
            """);
    }

    private static void WriteWeights(string source, string target, bool half, string prefix, bool oldBuffers)
    {
        using var scope = NewDisposeScope();
        using SafeTensorsFile file = SafeTensorsFile.Open(source);
        ScalarType type = half ? ScalarType.Float16 : ScalarType.Float32;
        var tensors = file.Tensors.ToDictionary(entry => prefix + entry.Name, entry => file.Load(entry.Name).to(type));
        if (oldBuffers)
        {
            tensors[prefix + "embeddings.position_ids"] = arange(40, dtype: ScalarType.Int64).unsqueeze(0);
        }

        SafeTensorsWriter.Write(target, [.. tensors.Select(pair => TensorSource.Of(pair.Key, pair.Value))]);
    }
}
