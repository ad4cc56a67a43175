using System.Text.Json.Nodes;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

/// <summary>The base model of a case, whatever it is: one of the library's, or a plain network.</summary>
internal sealed class PeftModel : IDisposable
{
    private readonly Func<GoldenTensors, Tensor> _forward;
    private readonly string _type;

    private PeftModel(nn.Module module, string type, Func<GoldenTensors, Tensor> forward)
    {
        Module = module;
        _type = type;
        _forward = forward;
    }

    public nn.Module Module { get; }

    public static PeftModel Load(string folder, ScalarType dtype)
    {
        string type = (string)JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!["model_type"]!;
        switch (type)
        {
            case "plain":
                nn.Module<Tensor, Tensor> network = PlainNetwork.Load(folder, dtype);
                return new PeftModel(network, type, tensors =>
                {
                    Tensor x = tensors["input.x"];
                    return network.call(x.is_floating_point() ? x.to(dtype) : x);
                });
            case "bert":
                SequenceClassifier classifier = SequenceClassifier.Load(folder, new LoadOptions { Dtype = dtype });
                return new PeftModel(classifier, type, tensors => classifier.Logits(tensors["input.input_ids"], tensors.Find("input.attention_mask")));
            default:
                CausalLM model = CausalLM.Load(folder, new LoadOptions { Dtype = dtype });
                return new PeftModel(model, type, tensors => model.Logits(tensors["input.input_ids"], tensors.Find("input.attention_mask")));
        }
    }

    public Tensor Forward(GoldenTensors tensors) => _forward(tensors);

    /// <summary>A weight (out, in) as the reference's module stores it: GPT-2's linear layers hold the transpose.</summary>
    public Tensor AsStored(string path, Tensor weight) =>
        _type == "gpt2" && weight.dim() == 2 && path.Contains(".h.", StringComparison.Ordinal) ? weight.t() : weight;

    public static Tensor Loss(string kind, Tensor logits, Tensor labels)
    {
        Tensor scores = logits.to(ScalarType.Float32);
        switch (kind)
        {
            case "shifted_cross_entropy":
                long last = scores.shape[1] - 1;
                return nn.functional.cross_entropy(scores.narrow(1, 0, last).reshape(-1, scores.shape[2]), labels.narrow(1, 1, last).reshape(-1), ignore_index: -100);
            case "cross_entropy":
                return nn.functional.cross_entropy(scores.reshape(-1, scores.shape[^1]), labels.reshape(-1));
            default:
                throw new NotSupportedException($"The runner does not know the loss '{kind}'.");
        }
    }

    public void Dispose() => Module.Dispose();
}
