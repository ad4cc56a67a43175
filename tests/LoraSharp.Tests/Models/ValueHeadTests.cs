using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

public class ValueHeadTests
{
    [Fact]
    public void The_value_of_a_prefix_is_the_value_at_its_last_position()
    {
        Assert.SkipWhen(GoldenFolder.ModelFolder("llama-tiny") is null, "The tiny model is not among the golden models.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using SequenceClassifier model = SequenceClassifier.Load(GoldenFolder.ModelFolder("llama-tiny")!, new LoadOptions { NumLabels = 1, Dtype = ScalarType.Float32 });
        Tensor ids = tensor(new long[] { 5, 9, 17, 40 }).unsqueeze(0);
        Tensor values = model.Values(ids);
        Assert.Equal([1, 4, 1], values.shape);
        for (int length = 1; length <= 4; length++)
        {
            Tensor alone = model.Logits(ids.narrow(1, 0, length));
            Assert.True((values[0, length - 1] - alone[0]).abs().max().item<float>() < 1e-5);
        }
    }

    [Fact]
    public void An_encoder_has_no_value_for_a_position()
    {
        const string Bert = "bert-sequence-classification";
        Assert.SkipWhen(GoldenFolder.ModelFolder(Bert) is null, $"The model {Bert} is not among the golden models.");
        using SequenceClassifier model = SequenceClassifier.Load(GoldenFolder.ModelFolder(Bert)!);
        Assert.Throws<NotSupportedException>(() => model.Values(tensor(new long[] { 5, 9 }).unsqueeze(0)));
    }
}
