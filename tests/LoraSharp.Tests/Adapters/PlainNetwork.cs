using System.Text.Json;
using LoraSharp.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

/// <summary>A user's own network, built from a config.json that lists its layers: TorchSharp's own layers and two of its own in a Sequential.</summary>
internal static class PlainNetwork
{
    public static nn.Module<Tensor, Tensor> Load(string folder, ScalarType dtype)
    {
        using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        (string, nn.Module<Tensor, Tensor>)[] layers = [.. config.RootElement.GetProperty("layers").EnumerateArray().Select(layer => (layer.GetProperty("name").GetString()!, Layer(layer)))];
        nn.Module<Tensor, Tensor> network = nn.Sequential(layers);
        using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        using (no_grad())
        {
            foreach (var (name, parameter) in network.named_parameters())
            {
                using Tensor value = file.Load(name);
                parameter.copy_(value);
            }
        }

        network.eval();
        return network.to(dtype);
    }

    private static nn.Module<Tensor, Tensor> Layer(JsonElement layer)
    {
        string type = layer.GetProperty("type").GetString()!;
        return type switch
        {
            "Linear" => nn.Linear(Int("in_features"), Int("out_features"), Flag("bias")),
            "Conv1d" => nn.Conv1d(Int("in_channels"), Int("out_channels"), Int("kernel_size"), Int("stride"), Int("padding"), Int("dilation"), PaddingModes.Zeros, Int("groups"), Flag("bias")),
            "Conv2d" => nn.Conv2d(Int("in_channels"), Int("out_channels"), Int("kernel_size"), Int("stride"), Int("padding"), Int("dilation"), PaddingModes.Zeros, Int("groups"), Flag("bias")),
            "Embedding" => nn.Embedding(Int("num_embeddings"), Int("embedding_dim")),
            "LayerNorm" => nn.LayerNorm(Int("normalized_shape"), layer.GetProperty("eps").GetDouble()),
            "ReLU" => nn.ReLU(),
            "Tanh" => nn.Tanh(),
            "Flatten" => nn.Flatten(),
            "Transpose" => new Transpose(),
            "Experts" => new Experts(Int("num_experts"), Int("in_features"), Int("out_features")),
            _ => throw new NotSupportedException($"The runner does not know the layer type '{type}'."),
        };

        long Int(string key) => layer.GetProperty(key).GetInt64();
        bool Flag(string key) => layer.GetProperty(key).GetBoolean();
    }

    private sealed class Transpose() : nn.Module<Tensor, Tensor>(nameof(Transpose))
    {
        public override Tensor forward(Tensor input) => input.transpose(1, 2);
    }

    /// <summary>One parameter (experts, out, in); y = mean over experts of tanh(weight[e]·x).</summary>
    private sealed class Experts : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight;

        public Experts(long experts, long inFeatures, long outFeatures)
            : base(nameof(Experts))
        {
            weight = new Parameter(zeros(experts, outFeatures, inFeatures));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => einsum("...i,eoi->...eo", input, weight).tanh().mean([-2]);
    }
}
