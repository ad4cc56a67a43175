using System.Text.Json.Nodes;
using LoraSharp.Models;
using LoraSharp.Training;
using static TorchSharp.torch;

namespace LoraSharp.Samples.Pretrain;

/// <summary>Makes the embedded model: a small Llama, trained from random weights on the corpus by predicting the next token.</summary>
internal static class Pretraining
{
    private const int VocabularySize = 1536;
    private const int MaxPositions = 512;
    private const int PackedLength = 256;
    private const int Heads = 4;

    /// <summary>Builds corpus and tokenizer, trains, and writes the model in bfloat16 with its tokenizer.</summary>
    public static void Run(string output, PretrainSettings settings, CancellationToken cancellationToken)
    {
        string work = Directory.CreateTempSubdirectory("pretrain-").FullName;
        try
        {
            IReadOnlyList<string> documents = CorpusBuilder.Build(settings.Seed);
            TokenizerFiles.Write(work, BpeTrainer.Train(documents, VocabularySize, TokenizerFiles.SpecialTokens), MaxPositions);
            var tokenizer = Tokenizer.Load(work);
            Console.WriteLine($"Corpus: {documents.Count:N0} documents, {documents.Sum(document => document.Length):N0} characters.");

            using (var model = CausalLM.Create(new ModelConfig(Configuration(settings, tokenizer)), seed: settings.Seed))
            {
                Console.WriteLine($"Model: {model.parameters().Sum(parameter => parameter.numel()):N0} parameters.");
                Train(model, tokenizer, documents, work, settings, cancellationToken);
                model.Save(work, cancellationToken: cancellationToken);
            }

            // Loading it in bfloat16 and saving that halves the file.
            using (var half = CausalLM.Load(work, new LoadOptions { Dtype = ScalarType.BFloat16 }))
                half.Save(output, cancellationToken: cancellationToken);
            tokenizer.Save(output);
            using var saved = CausalLM.Load(output, new LoadOptions { Dtype = ScalarType.Float32 });
            SampleAnswers.Write(saved, tokenizer);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static void Train(
        CausalLM model, Tokenizer tokenizer, IReadOnlyList<string> documents, string work, PretrainSettings settings, CancellationToken cancellationToken)
    {
        // A few documents stay unseen: a loss on them that is much higher than in training would mean a model that recites.
        var (train, test) = Dataset.FromRows(documents.Select(text => new { text })).Split(testSize: 0.02, seed: settings.Seed);
        var trainer = new SftTrainer(model, tokenizer, train, new SftOptions
        {
            OutputDirectory = Path.Combine(work, "checkpoints"),
            SaveStrategy = StepStrategy.No,
            Packing = true,
            MaxLength = PackedLength,
            BatchSize = settings.BatchSize,
            GradientAccumulationSteps = settings.Accumulation,
            Epochs = settings.Epochs,
            LearningRate = settings.LearningRate,
            Scheduler = SchedulerType.CosineWithMinLr,
            SchedulerOptions = new SchedulerOptions { MinLrRate = 0.05 },
            WarmupSteps = 0.03,
            OptimizerOptions = new OptimizerOptions { Beta2 = 0.95 },
            WeightDecay = 0.05,
            EvalBatchSize = settings.BatchSize,
            Seed = settings.Seed,
            Progress = new ConsoleProgress(),
        }, test, cancellationToken);
        Console.WriteLine($"{trainer.TrainRows:N0} rows of up to {PackedLength} tokens.");
        trainer.Train(cancellationToken: cancellationToken);
        Console.WriteLine($"Loss on documents that were not trained on: {trainer.Evaluate(cancellationToken)["eval_loss"]:F3}");
    }

    private static JsonObject Configuration(PretrainSettings settings, Tokenizer tokenizer) => (JsonObject)JsonNode.Parse($$"""
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": {{tokenizer.VocabSize}},
            "hidden_size": {{settings.HiddenSize}},
            "intermediate_size": {{settings.HiddenSize * 11 / 4}},
            "num_hidden_layers": {{settings.Layers}},
            "num_attention_heads": {{Heads}},
            "num_key_value_heads": {{Heads / 2}},
            "head_dim": {{settings.HiddenSize / Heads}},
            "hidden_act": "silu",
            "max_position_embeddings": {{MaxPositions}},
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "attention_bias": false,
            "mlp_bias": false,
            "tie_word_embeddings": true,
            "initializer_range": 0.06,
            "bos_token_id": {{tokenizer.BosId}},
            "eos_token_id": {{tokenizer.EosId}},
            "pad_token_id": {{tokenizer.PadId}}
        }
        """)!;
}
