using System.Text.Json;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Interop;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

/// <summary>What the cases of plain adapters have in common, for LoRA and the other methods: structure, numbers, gradients, files, merging.</summary>
internal sealed class PeftCase : IDisposable
{
    private const double HalfPrecision = 0.05;
    private readonly GoldenCase _golden;
    private readonly GoldenTensors _tensors;
    private readonly bool _exact;

    public PeftCase(GoldenCase golden)
    {
        _golden = golden;
        _tensors = new GoldenTensors(golden);
        string dtype = golden.Parameters.TryGetProperty("dtype", out JsonElement given) ? given.GetString()! : "float32";
        _exact = dtype == "float32";
        Model = PeftModel.Load(golden.ModelFolder(), TestTypes.Of(dtype));
    }

    public PeftModel Model { get; }

    public GoldenTensors Tensors => _tensors;

    private nn.Module Module => Model.Module;

    private string AdapterFolder => Path.Combine(_golden.Folder, "adapter");

    public void CheckBase()
    {
        using var noGrad = no_grad();
        Compare("expected.base_logits", Model.Forward(_tensors));
    }

    public void Load() => Module.LoadAdapter(AdapterFolder, trainable: true);

    /// <summary>The configuration that the case's arguments make chooses the same modules as the adapter's file.</summary>
    public void CheckSelection(AdapterConfig config)
    {
        using PeftModel fresh = PeftModel.Load(_golden.ModelFolder(), ScalarType.Float32);
        fresh.Module.AddAdapter(config);
        Assert.Equal(Names("adapted_modules"), Adapted(fresh.Module));
        Assert.Equal(Names("trained_copies"), Copied(fresh.Module));
        ParameterCount count = fresh.Module.TrainableParameters();
        Assert.Equal(_golden.Expected.GetProperty("print_trainable_parameters").GetString(), count.ToString());
    }

    public void CheckStructure()
    {
        JsonElement expected = _golden.Expected;
        Assert.Equal(Names("adapted_modules"), Adapted(Module));
        Assert.Equal(Names("trained_copies"), Copied(Module));
        ParameterCount count = Module.TrainableParameters();
        Assert.Equal(expected.GetProperty("trainable_parameters").GetInt64(), count.Trainable);
        Assert.Equal(expected.GetProperty("all_parameters").GetInt64(), count.Total);
        Assert.Equal(expected.GetProperty("print_trainable_parameters").GetString(), count.ToString());
        Assert.Equal(Names("trainable_tensors"), AdapterFiles.Tensors(Module, "default").Where(p => p.Value.requires_grad).Select(p => p.Key).Order(StringComparer.Ordinal));
    }

    public void CheckNumbers()
    {
        Tensor logits = Model.Forward(_tensors);
        Compare("expected.logits", logits);
        Tensor loss = PeftModel.Loss(_golden.Parameters.GetProperty("loss").GetString()!, logits, _tensors["input.labels"]);
        GoldenTensors.AssertClose("expected.loss", _tensors["expected.loss"], loss, _exact ? _golden.Absolute : HalfPrecision, _golden.Relative);
        Backward.Run(loss);
        Dictionary<string, Tensor> trained = AdapterFiles.Tensors(Module, "default").ToDictionary(p => p.Key, p => p.Value);
        foreach (string gradient in _tensors.Names.Where(n => n.StartsWith("expected.grad.", StringComparison.Ordinal)))
        {
            Compare(gradient, trained[gradient["expected.grad.".Length..]].grad!);
        }
    }

    public void CheckDisabled()
    {
        using var noGrad = no_grad();
        using (Module.DisableAdapters())
        {
            Compare(_tensors.Has("expected.disabled_logits") ? "expected.disabled_logits" : "expected.base_logits", Model.Forward(_tensors));
        }

        Compare("expected.logits", Model.Forward(_tensors));
    }

    public void CheckFiles()
    {
        using var folder = new TemporaryFolder();
        Module.SaveAdapter(folder.Path);
        AdapterFolderAssert.Equal(AdapterFolder, folder.Path);
    }

    public void CheckMerge()
    {
        using var noGrad = no_grad();
        string kind = _golden.Expected.GetProperty("merge").GetString()!;
        Assert.Contains(kind, (string[])["equal", "refused", "not compared"]);
        Tensor before = Model.Forward(_tensors);
        Dictionary<string, Tensor> weights = Module.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        if (kind == "refused")
        {
            Assert.Throws<AdapterException>(() => Module.MergeAdapter());
        }
        else
        {
            Module.MergeAdapter();
            Compare("expected.logits", Model.Forward(_tensors), loose: true);
        }

        Module.UnmergeAdapter();
        foreach (var (key, value) in Module.state_dict())
        {
            Assert.True(weights[key].eq(value).all().item<bool>(), $"{key} is not restored bit for bit by unmerging");
        }

        Assert.True(Model.Forward(_tensors).eq(before).all().item<bool>(), "unmerged logits");
        if (kind == "refused")
        {
            Assert.Throws<AdapterException>(() => Module.MergeAndUnload());
            Assert.NotEmpty(Module.AdapterNames());
            return;
        }

        // Where the reference merges wrongly (shared weights), the merged model must equal the unmerged one.
        Module.MergeAndUnload();
        Assert.Empty(Module.AdapterNames());
        Compare(kind == "equal" ? "expected.merged_logits" : "expected.logits", Model.Forward(_tensors), loose: kind != "equal");
        Dictionary<string, Parameter> parameters = Module.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach (string name in _tensors.Names.Where(n => n.StartsWith("expected.merged_weight.", StringComparison.Ordinal)))
        {
            string path = name["expected.merged_weight.".Length..];
            Compare(name, Model.AsStored(path, parameters[path]));
        }
    }

    /// <summary>Within the tolerance; a half-precision base differs by its kernels' rounding, so there the whole is compared instead of each element.</summary>
    public void Compare(string what, Tensor actual, bool loose = false)
    {
        if (_exact)
        {
            GoldenTensors.AssertClose(what, _tensors[what], actual, _golden.Absolute * (loose ? 4 : 1), _golden.Relative);
            return;
        }

        Tensor expected = _tensors[what].to(ScalarType.Float64);
        double error = ((actual.detach().to(ScalarType.Float64) - expected).norm() / expected.norm()).item<double>();
        Assert.True(error <= HalfPrecision, $"{what}: relative difference {error:g3}, allowed {HalfPrecision}");
    }

    public void Dispose()
    {
        Model.Dispose();
        _tensors.Dispose();
    }

    private static IEnumerable<string> Adapted(nn.Module module) =>
        AdapterSet.Of(module).Hosts.Where(item => item.Host is TunedLayer or TunedParameters || IsTunedNorm(item.Host)).Select(item => item.Path).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Copied(nn.Module module) =>
        AdapterSet.Of(module).Hosts.Where(item => item.Host is not (TunedLayer or TunedParameters) && !IsTunedNorm(item.Host)).Select(item => item.Path).Order(StringComparer.Ordinal);

    private static bool IsTunedNorm(IAdapterHost host) => host.FileTensors(host.AdapterNames.First()).Any(t => t.Key.StartsWith("ln_tuning_layers.", StringComparison.Ordinal));

    private IEnumerable<string> Names(string key) => _golden.Expected.GetProperty(key).EnumerateArray().Select(k => k.GetString()!).Order(StringComparer.Ordinal);
}
