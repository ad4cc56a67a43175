using System.Text.Json;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Lora;
using LoraSharp.Layers;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

public class PeftInitGoldenTests
{
    private const string Layer = "layer";

    [Theory, GoldenCases("peft-init")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("peft-init", name);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        random.manual_seed(0);
        string kind = golden.Parameters.GetProperty("kind").GetString()!;
        string[] known = kind == "decomposition" ? ["kind", "layer", "lora_config", "dtype"] : kind == "eva" ? ["kind", "lora_config"] : ["kind", "layer", "lora_config"];
        golden.RequireKnownParameters(known);
        LoraConfig config = PeftLoraGoldenTests.ConfigOf(golden.Parameters.GetProperty("lora_config")) with { TargetModules = new[] { Layer } };
        switch (kind)
        {
            case "decomposition":
                Decompose(golden, config);
                break;
            case "eva":
                FromActivations(golden, config);
                break;
            case "distribution":
                Distribute(golden, config);
                break;
            case "dora":
                Magnitude(golden, config);
                break;
            case "conversion":
                Convert(golden, config);
                break;
            default:
                Assert.Fail($"The runner does not know the kind '{kind}'.");
                break;
        }
    }

    private static void Decompose(GoldenCase golden, LoraConfig config)
    {
        using var tensors = new GoldenTensors(golden);
        bool transposed = IsTransposed(golden);
        Tensor stored = tensors["input.weight"], weight = transposed ? stored.t() : stored;
        Assert.Equal(TestTypes.Of(golden.Parameters.GetProperty("dtype").GetString()!), weight.dtype);
        using nn.Module<Tensor, Tensor> model = OneLayer(weight);
        model.AddLora(config);
        Action[] batches = [.. tensors.Names.Where(n => n.StartsWith("input.activations.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(n => (Action)(() => model.call(tensors[n])))];
        if (batches.Length > 0)
        {
            model.InitializeLora(batches);
        }

        (TunedLayer layer, LoraLayer lora) = Only(model);
        Assert.Equal(golden.Expected.GetProperty("scaling").GetDouble(), lora.Scaling, 9);
        Assert.Equal(TestTypes.Of(golden.Expected.GetProperty("adapter_dtype").GetString()!), lora.A.dtype);
        Tensor a = tensors["expected.lora_A"], b = tensors["expected.lora_B"];

        // The sign of a component is free, but the same for its row of A and its column of B.
        Tensor signs = (lora.A * a).sum([1L]).sign();
        GoldenTensors.AssertClose("A", a, lora.A * signs.unsqueeze(1), 20 * golden.Absolute, golden.Relative);
        GoldenTensors.AssertClose("B", b, lora.B * signs, 20 * golden.Absolute, golden.Relative);
        Tensor product = lora.Delta(layer.Base);
        tensors.AssertClose("expected.scaled_product", product);
        Tensor changed = layer.Base.Weight(layer.Base.Dtype);
        Assert.Equal(weight.dtype, changed.dtype);
        tensors.AssertClose("expected.base_weight", transposed ? changed.t() : changed);
        double change = (changed.to(ScalarType.Float64) + product.to(ScalarType.Float64) - weight.to(ScalarType.Float64)).abs().max().item<double>();
        double expected = golden.Expected.GetProperty("max_abs_change_of_effective_weight").GetDouble();
        Assert.True(change <= (1.1 * expected) + 1e-6, $"the effective weight moves by {change:g3}, expected {expected:g3}");
    }

    private static void FromActivations(GoldenCase golden, LoraConfig config)
    {
        using var tensors = new GoldenTensors(golden);
        const string Prefix = "input.activations.";
        string[] names = [.. tensors.Names.Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Select(n => n[Prefix.Length..]).Order(StringComparer.Ordinal)];
        using var model = new FedLayers([.. names.Select(n => (n, tensors[Prefix + n]))]);
        model.AddLora(config with { TargetModules = names });
        model.InitializeLora([() => model.call(zeros(1))]);
        JsonElement expected = golden.Expected;
        var layers = AdapterSet.Of(model).Layers.Where(item => item.Layer.AdapterNames.Contains("default")).ToDictionary(item => item.Path, item => (LoraLayer)item.Layer["default"]);
        Assert.Equal(expected.GetProperty("removed").EnumerateArray().Select(r => r.GetString()).Order(), names.Except(layers.Keys));
        foreach (var (path, lora) in layers)
        {
            Assert.Equal(expected.GetProperty("r").GetProperty(path).GetInt32(), lora.Settings.R);
            Assert.Equal(expected.GetProperty("lora_alpha").GetProperty(path).GetDouble(), lora.Settings.Alpha, 9);
            Assert.Equal(expected.GetProperty("scaling").GetProperty(path).GetDouble(), lora.Scaling, 9);
            tensors.AssertClose($"expected.lora_A.{path}", lora.A);
            Assert.Equal(0, lora.B.abs().max().item<float>());
        }

        var saved = (LoraConfig)model.AdapterConfig();
        Assert.Equal(expected.GetProperty("rank_pattern").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt32()), saved.RankPattern.ToDictionary());
        Assert.Equal(expected.GetProperty("alpha_pattern").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetDouble()), saved.AlphaPattern.ToDictionary());
    }

    private static void Distribute(GoldenCase golden, LoraConfig config)
    {
        JsonElement layer = golden.Parameters.GetProperty("layer");
        long Size(string key) => layer.GetProperty(key).GetInt64();
        string type = layer.GetProperty("type").GetString()!;
        using nn.Module<Tensor, Tensor> model = nn.Sequential((Layer, type switch
        {
            "Linear" => (nn.Module<Tensor, Tensor>)nn.Linear(Size("in_features"), Size("out_features")),
            "Conv1d" => nn.Conv1d(Size("in_channels"), Size("out_channels"), Size("kernel_size")),
            "Conv2d" => nn.Conv2d(Size("in_channels"), Size("out_channels"), Size("kernel_size")),
            "Embedding" => nn.Embedding(Size("num_embeddings"), Size("embedding_dim")),
            _ => throw new NotSupportedException($"The runner does not know the layer type '{type}'."),
        }));
        model.AddLora(config);
        (TunedLayer tuned, LoraLayer lora) = Only(model);
        Dictionary<string, Tensor> own = ((IAdapterHost)tuned).FileTensors("default").ToDictionary(t => $"{Layer}.{t.Key}", t => t.Tensor);
        bool orthogonal = config.Init.Kind == LoraInitKind.Orthogonal;
        foreach (JsonProperty entry in golden.Expected.GetProperty("distribution").EnumerateObject())
        {
            string distribution = entry.Value.GetProperty("distribution").GetString()!;
            if (entry.Name == "B_times_A")
            {
                Assert.True(lora.B.matmul(lora.A).abs().max().item<float>() < 1e-6);
                continue;
            }

            Tensor tensor = own[entry.Name];
            Assert.Equal(golden.Expected.GetProperty("measured").GetProperty(entry.Name).GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), tensor.shape);
            if (distribution == "zero")
            {
                Assert.Equal(0, tensor.abs().max().item<float>());
                continue;
            }

            double std = entry.Value.GetProperty("std").GetDouble(), n = tensor.numel() / (orthogonal ? 4.0 : 1.0);
            Assert.InRange(tensor.std().item<float>() / std, 1 - (6 / Math.Sqrt(2 * n)), 1 + (6 / Math.Sqrt(2 * n)));
            Assert.InRange(tensor.mean().item<float>(), -6 * std / Math.Sqrt(n), 6 * std / Math.Sqrt(n));
            switch (distribution)
            {
                case "uniform":
                    Assert.InRange(tensor.min().item<float>(), entry.Value.GetProperty("low").GetDouble(), entry.Value.GetProperty("high").GetDouble());
                    Assert.InRange(tensor.max().item<float>(), entry.Value.GetProperty("low").GetDouble(), entry.Value.GetProperty("high").GetDouble());
                    break;
                case "normal":
                    Assert.True(tensor.abs().max().item<float>() > 2.5 * std, "a normal sample of this size has larger values");
                    break;
                default:
                    Assert.Fail($"The runner does not know the distribution '{distribution}'.");
                    break;
            }
        }
    }

    private static void Magnitude(GoldenCase golden, LoraConfig config)
    {
        using var tensors = new GoldenTensors(golden);
        Tensor stored = tensors["input.weight"];
        string type = golden.Parameters.GetProperty("layer").GetString()!;
        Assert.Contains(type, (string[])["Linear", "Conv1D"]);
        using nn.Module<Tensor, Tensor> model = OneLayer(type == "Conv1D" ? stored.t() : stored);
        model.AddLora(config);
        tensors.AssertClose("expected.lora_magnitude_vector", Only(model).Lora.Magnitude!);
    }

    private static void Convert(GoldenCase golden, LoraConfig config)
    {
        using var tensors = new GoldenTensors(golden);
        Assert.False(IsTransposed(golden));
        Assert.True(config.Init.ChangesBase);
        string initial = Path.Combine(golden.Folder, "initial"), expected = Path.Combine(golden.Folder, "adapter");
        using nn.Module<Tensor, Tensor> trained = OneLayer(tensors["input.base_weight"]), original = OneLayer(tensors["input.weight"]);
        trained.LoadAdapter(initial);
        Only(trained).Lora.SetMatrices(tensors["input.lora_A"], tensors["input.lora_B"]);
        using var folder = new TemporaryFolder();
        trained.SaveConvertedAdapter(folder.Path, initial);
        AdapterFolderAssert.Equal(expected, folder.Path, "auto_mapping");
        original.LoadAdapter(folder.Path);
        LoraLayer converted = Only(original).Lora;
        Assert.Equal(golden.Expected.GetProperty("r").GetInt32(), converted.Settings.R);
        Assert.Equal(golden.Expected.GetProperty("lora_alpha").GetDouble(), converted.Settings.Alpha, 9);
        Assert.Equal(golden.Expected.GetProperty("scaling").GetDouble(), converted.Scaling, 9);
        tensors.AssertClose("expected.output", original.call(tensors["input.x"]));
        tensors.AssertClose("expected.output", trained.call(tensors["input.x"]));
    }

    private static bool IsTransposed(GoldenCase golden)
    {
        string type = golden.Parameters.GetProperty("layer").GetString()!;
        Assert.Contains(type, (string[])["Linear", "Conv1D"]);
        return type == "Conv1D";
    }

    private static nn.Module<Tensor, Tensor> OneLayer(Tensor weight) => nn.Sequential((Layer, new LoraSharp.Layers.Linear(DenseWeight.Frozen(weight.clone()))));

    private static (TunedLayer Layer, LoraLayer Lora) Only(nn.Module model)
    {
        TunedLayer layer = AdapterSet.Of(model).Layers.Single().Layer;
        return (layer, (LoraLayer)layer["default"]);
    }

    /// <summary>Layers that each get an input of their own, whatever the model's input is.</summary>
    private sealed class FedLayers : nn.Module<Tensor, Tensor>
    {
        private readonly List<nn.Module<Tensor, Tensor>> _layers = [];
        private readonly Tensor[] _inputs;

        public FedLayers((string Name, Tensor Input)[] layers)
            : base(nameof(FedLayers))
        {
            _inputs = [.. layers.Select(layer => layer.Input)];
            foreach (var (name, input) in layers)
            {
                nn.Module<Tensor, Tensor> layer = new LoraSharp.Layers.Linear(DenseWeight.Frozen(randn(9, input.shape[1])));
                _layers.Add(layer);
                register_module(name, layer);
            }
        }

        public override Tensor forward(Tensor input)
        {
            foreach (var (layer, own) in _layers.Zip(_inputs))
            {
                layer.call(own).Dispose();
            }

            return input;
        }
    }
}
