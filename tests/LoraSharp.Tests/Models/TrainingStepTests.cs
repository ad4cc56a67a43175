using LoraSharp.Layers;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>Adapters, quantisation and gradient checkpointing on models of every structure.</summary>
public class TrainingStepTests
{
    private const int Vocabulary = 90;

    [Theory]
    [InlineData("llama-gqa", "q_proj", "v_proj")]
    [InlineData("gemma2", "q_proj", "down_proj")]
    [InlineData("phi3-fused-window", "qkv_proj", "gate_up_proj")]
    [InlineData("gpt2", "c_attn", "c_fc")]
    [InlineData("gpt-neox", "query_key_value")]
    [InlineData("opt", "q_proj", "fc1")]
    [InlineData("falcon-multi-query", "query_key_value")]
    [InlineData("mixtral", "q_proj", "w1")]
    [InlineData("gpt-oss", "q_proj", "o_proj")]
    [InlineData("bert-masked-lm", "query", "value")]
    [InlineData("deberta-v3-nli", "query_proj", "dense")]
    [InlineData("modernbert-sequence-classification", "Wqkv", "Wo")]
    [InlineData("roberta-sequence-classification", "query", "key")]
    [InlineData("t5", "q", "wo")]
    [InlineData("bart", "q_proj", "fc2")]
    public void A_step_of_lora_on_a_4_bit_base_lowers_the_loss(string name, params string[] targets)
    {
        using var scope = NewDisposeScope();
        using PretrainedModel model = Load(name, new LoadOptions { Quantization = QuantizationConfig.Nf4() });
        Assert.Contains(model.named_modules(), m => m.module is Linear { Weight: FourBitWeight });
        model.AddLora(r: 4, alpha: 8, targetModules: targets);
        model.train();
        Parameter[] trained = [.. model.parameters().Where(p => p.requires_grad)];
        var optimizer = optim.SGD(trained, 0.05);
        double first = 0, last = 0;
        for (int step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            Tensor loss = Loss(model);
            loss.backward();
            optimizer.step();
            last = loss.item<float>();
            first = step == 0 ? last : first;
        }

        Assert.True(last < first, $"{first} → {last}");
    }

    [Theory]
    [InlineData("llama-gqa")]
    [InlineData("gemma3-text")]
    [InlineData("gpt-oss")]
    [InlineData("deberta-v2-conv")]
    [InlineData("modernbert-masked-lm")]
    [InlineData("t5")]
    [InlineData("mbart")]
    public void Checkpointing_gives_the_same_gradients(string name)
    {
        using var scope = NewDisposeScope();
        using PretrainedModel plain = Load(name), thrifty = Load(name);
        thrifty.UseGradientCheckpointing(int.MaxValue);
        Loss(plain).backward();
        thrifty.train();
        Loss(thrifty).backward();
        foreach (var ((path, expected), (_, actual)) in plain.named_parameters().Zip(thrifty.named_parameters()))
        {
            Assert.Equal(expected.grad is null, actual.grad is null);
            if (expected.grad is not null)
            {
                GoldenTensors.AssertClose(path, expected.grad, actual.grad!, 1e-6, 1e-5);
            }
        }
    }

    private static PretrainedModel Load(string name, LoadOptions? options = null)
    {
        string folder = GoldenFolder.ModelFolder(name)!;
        return ModelTask.Of(ModelConfig.Load(folder).List<string>("architectures")![0])(folder, options);
    }

    // The loss of a fixed small batch with padding, whatever the task.
    private static Tensor Loss(PretrainedModel model)
    {
        Tensor ids = (arange(24, dtype: ScalarType.Int64) * 7 % (Vocabulary - 5) + 5).view(2, 12), mask = ones_like(ids);
        mask[1, TensorIndex.Slice(9)] = 0;
        Tensor labels = ids.masked_fill(mask.eq(0), TaskLoss.Ignored), classes = tensor(new long[] { 1, 0 });
        return model switch
        {
            CausalLM causal => TaskLoss.CrossEntropy(causal.Logits(ids, mask).narrow(1, 0, 11), labels.narrow(1, 1, 11)),
            MaskedLM masked => masked.Loss(masked.Logits(ids, mask), labels),
            SequenceClassifier classifier => classifier.Loss(classifier.Logits(ids, mask), classes),
            Seq2SeqLM pair => pair.Loss(pair.Logits(ids, pair.ShiftRight(labels), mask), labels),
            _ => throw new NotSupportedException(model.GetType().Name),
        };
    }
}
