using LoraSharp.Adapters;
using LoraSharp.Adapters.Lora;
using LoraSharp.Interop;
using LoraSharp.Layers;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

public class AdapterBehaviourTests
{
    public static TheoryData<string, AdapterConfig> Methods() => new()
    {
        { "lora", new LoraConfig { R = 4, Init = LoraInit.Random } },
        { "rslora", new LoraConfig { R = 4, Init = LoraInit.Random, UseRsLora = true } },
        { "dora", new LoraConfig { R = 4, Init = LoraInit.Random, UseDora = true } },
        { "lora-bias", new LoraConfig { R = 4, Init = LoraInit.Random, LoraBias = true } },
        { "loha", new LohaConfig { R = 3, InitWeights = false } },
        { "loha-effective", new LohaConfig { R = 3, InitWeights = false, UseEffectiveConv2d = true } },
        { "lokr", new LokrConfig { R = 2, InitWeights = false, DecomposeBoth = true } },
        { "lokr-effective", new LokrConfig { R = 1, InitWeights = false, UseEffectiveConv2d = true, DecomposeFactor = 2 } },
        { "ia3", new Ia3Config { InitWeights = false, FeedforwardModules = new[] { "linear2" } } },
        { "vera", new VeraConfig { R = 4, InitWeights = false } },
        { "oft", new OftConfig { BlockSize = 4, InitWeights = false } },
        { "oft-shared", new OftConfig { R = 2, BlockSize = 0, BlockShare = true, InitWeights = false, UseCayleyNeumann = false } },
        { "hra", new HraConfig { R = 3, InitWeights = false } },
        { "fourierft", new FourierFtConfig { Frequencies = 20 } },
        { "pissa", new LoraConfig { R = 4, Init = LoraInit.Pissa() } },
        { "orthogonal", new LoraConfig { R = 4, Init = LoraInit.Orthogonal } },
    };

    /// <summary>Every method on every kind of layer that it takes: merged equals unmerged, with either way of unmerging, and saved equals loaded.</summary>
    [Theory, MemberData(nameof(Methods))]
    public void Merged_equals_unmerged_and_saved_equals_loaded(string what, AdapterConfig config)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, make, input) in Networks())
        {
            random.manual_seed(7);
            using nn.Module<Tensor, Tensor> network = make();
            AdapterConfig targeted = config with { TargetModules = name == "linear" ? new[] { "linear1", "linear2" } : new[] { "layer" } };
            if (!Takes(config, name))
            {
                Assert.Throws<AdapterException>(() => network.AddAdapter(targeted));
                continue;
            }

            Tensor x = input();
            Tensor plain = network.call(x).clone();
            network.AddAdapter(targeted);
            Tensor adapted = network.call(x);
            bool changesNothing = what is "pissa" or "orthogonal";
            Assert.True(changesNothing == Close(plain, adapted, 1e-4), $"{name}: {(changesNothing ? "the effect should be none" : "the adapter has no effect")}");
            using var folder = new TemporaryFolder();
            network.SaveAdapter(folder.Path);
            foreach (bool keep in new[] { true, false })
            {
                network.MergeAdapter(keepOriginal: keep);
                Assert.True(Close(adapted, network.call(x), 2e-4), $"{name}: merged");
                network.UnmergeAdapter();
                Assert.True(Close(adapted, network.call(x), 2e-4), $"{name}: unmerged");
            }

            network.Unload();
            bool baseChanged = (config as LoraConfig)?.Init.ChangesBase == true && name == "linear";
            Assert.Equal(!baseChanged, Close(plain, network.call(x), 2e-4));
            network.LoadAdapter(folder.Path);
            Assert.True(Close(adapted, network.call(x), 2e-4), $"{name}: loaded");
            network.MergeAndUnload();
            Assert.True(Close(adapted, network.call(x), 2e-4), $"{name}: merged for good");
            Assert.Empty(network.AdapterNames());
        }
    }

    [Fact]
    public void The_fused_node_gives_autograds_gradients()
    {
        using var scope = NewDisposeScope();
        foreach (var (fused, plain) in Gradients(unfused: false).Zip(Gradients(unfused: true)))
        {
            GoldenTensors.AssertClose("gradient", plain, fused, 1e-5, 1e-5);
        }

        static Tensor[] Gradients(bool unfused)
        {
            random.manual_seed(3);
            nn.Module<Tensor, Tensor> network = nn.Sequential(("layer", nn.Linear(6, 5)));
            network.AddLora(new LoraConfig { R = 3, Alpha = 5, Init = LoraInit.Random, Bias = AdapterBias.AdaptedLayers, TargetModules = new[] { "layer" } });
            Tensor x = randn(4, 6, requires_grad: true);
            if (unfused)
            {
                // A second adapter without effect takes the general path.
                network.AddLora(new LoraConfig { R = 1, TargetModules = new[] { "layer" } }, "second");
                network.SetAdapter("default", "second");
            }

            Backward.Run((network.call(x) * arange(5)).sum());
            var lora = (LoraLayer)AdapterSet.Of(network).Layers.Single().Layer["default"];
            return [lora.A.grad!, lora.B.grad!, x.grad!, AdapterSet.Of(network).Entry("default").BaseParameters.Single().Tensor.grad!];
        }
    }

    [Fact]
    public void Dropout_acts_on_the_adapters_input_alone_and_keeps_its_mean()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        random.manual_seed(5);
        using nn.Module<Tensor, Tensor> network = nn.Sequential(("layer", nn.Linear(6, 5)));
        Tensor x = ones(20_000, 6), plain = network.call(x);
        network.AddLora(new LoraConfig { R = 3, Dropout = 0.4, Init = LoraInit.Random, TargetModules = new[] { "layer" } });
        network.eval();
        Tensor whole = network.call(x) - plain;
        network.train();
        Tensor dropped = network.call(x) - plain;
        Assert.False(Close(whole, dropped, 1e-2));
        GoldenTensors.AssertClose("mean", whole.mean([0]), dropped.mean([0]), 0.05, 0);

        // 0.4^6 of the rows lose all six inputs, and with them the whole update.
        double untouched = dropped.abs().sum([1L]).lt(1e-6).to(ScalarType.Float32).mean().item<float>();
        Assert.InRange(untouched, 0.002, 0.008);
    }

    [Fact]
    public void A_merge_from_4_bit_into_bfloat16_is_not_degraded()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using CausalLM model = CausalLM.Load(Folder("llama-tiny"), new LoadOptions { Quantization = QuantizationConfig.Nf4() });
        model.AddLora(new LoraConfig { R = 4, Init = LoraInit.Random, TargetModules = ["q_proj", "down_proj"] });
        Tensor ids = tensor(new long[] { 4, 8, 15, 16, 23, 42 }).unsqueeze(0);
        Tensor before = model.Logits(ids);
        TunedLayer layer = AdapterSet.Of(model).Layers.First().Layer;
        Tensor wanted = (layer.Base.Weight(ScalarType.Float32) + ((LoraLayer)layer["default"]).Delta(layer.Base)).to(ScalarType.BFloat16);
        var linear = (LoraSharp.Layers.Linear)layer.BaseLayer;
        Assert.Same(model, model.MergeAndUnload(into: ScalarType.BFloat16));
        Assert.True(linear.Weight.Parameter!.eq(wanted).all().item<bool>());
        Assert.All(model.parameters(), p => Assert.Equal(ScalarType.BFloat16, p.dtype));
        Assert.Null(model.Quantization);
        Assert.Equal(ScalarType.BFloat16, model.Dtype);
        Assert.True(RelativeError(before, model.Logits(ids)) < 0.05);
        using var folder = new TemporaryFolder();
        model.Save(folder.Path);
        using CausalLM again = CausalLM.Load(folder.Path);
        Assert.True(again.Logits(ids).eq(model.Logits(ids)).all().item<bool>());
    }

    [Fact]
    public void A_merge_into_4_bit_quantises_again_and_unmerging_restores_the_bytes()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using CausalLM model = CausalLM.Load(Folder("llama-tiny"), new LoadOptions { Quantization = QuantizationConfig.Nf4() });
        model.AddLora(new LoraConfig { R = 4, Init = LoraInit.Random });
        Tensor ids = tensor(new long[] { 4, 8, 15, 16, 23, 42 }).unsqueeze(0);
        Tensor before = model.Logits(ids);
        model.MergeAdapter();
        Assert.IsType<FourBitWeight>(((LoraSharp.Layers.Linear)AdapterSet.Of(model).Layers.First().Layer.BaseLayer).Weight);
        Assert.True(RelativeError(before, model.Logits(ids)) < 0.3);
        model.UnmergeAdapter();
        Assert.True(model.Logits(ids).eq(before).all().item<bool>());
    }

    [Fact]
    public void A_tied_head_is_separated_by_a_merge_and_saved_so()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using CausalLM model = CausalLM.Load(Folder("peft-gpt2"));
        Assert.True(model.TiesWordEmbeddings);
        model.AddLora(new LoraConfig { R = 4, Init = LoraInit.Random, TargetModules = ["wte"] });
        Tensor ids = tensor(new long[] { 4, 8, 15, 16, 23, 42 }).unsqueeze(0);
        Tensor before = model.Logits(ids);
        model.MergeAdapter();
        GoldenTensors.AssertClose("merged", before, model.Logits(ids), 1e-5, 1e-5);
        model.UnmergeAdapter();
        Assert.True(model.Logits(ids).eq(before).all().item<bool>());
        model.MergeAndUnload();
        Assert.False(model.TiesWordEmbeddings);
        using var folder = new TemporaryFolder();
        model.Save(folder.Path);
        using CausalLM again = CausalLM.Load(folder.Path);
        Assert.False(again.TiesWordEmbeddings);
        GoldenTensors.AssertClose("saved", before, again.Logits(ids), 1e-5, 1e-5);
    }

    [Fact]
    public void Any_module_can_have_a_trained_copy_its_buffers_included()
    {
        using var scope = NewDisposeScope();
        using nn.Module<Tensor, Tensor> network = nn.Sequential(("first", nn.Linear(4, 4)), ("block", nn.Sequential(("inner", nn.Linear(4, 4)), ("norm", nn.BatchNorm1d(4)))));
        network.AddLora(new LoraConfig { TargetModules = new[] { "first" }, ModulesToSave = ["block"] });
        Tensor x = randn(8, 4), original = network.call(x);
        network.train();
        Tensor loss = network.call(x).square().sum();
        loss.backward();
        using (no_grad())
        {
            foreach (var (_, parameter) in network.named_parameters().Where(p => p.parameter.requires_grad && p.parameter.grad is not null))
            {
                parameter.sub_(parameter.grad! * 0.01);
            }
        }

        network.eval();
        Tensor trained = network.call(x).detach();
        using (network.DisableAdapters())
        {
            Assert.False(Close(trained, network.call(x), 1e-3));
        }

        using var folder = new TemporaryFolder();
        network.SaveAdapter(folder.Path);
        network.Unload();
        network.LoadAdapter(folder.Path);
        GoldenTensors.AssertClose("loaded copy", trained, network.call(x), 1e-6, 1e-6);
        network.MergeAndUnload();
        GoldenTensors.AssertClose("kept copy", trained, network.call(x), 1e-5, 1e-5);
        Assert.Equal(["first", "block"], network.named_children().Select(c => c.name));
    }

    [Fact]
    public void A_network_with_fields_of_its_own_types_is_told_how_to_declare_them()
    {
        using var network = new TypedField();
        Assert.Contains("Declare the field as Module<Tensor, Tensor>", Assert.Throws<AdapterException>(() => network.AddLora(targetModules: ["layer"])).Message, StringComparison.Ordinal);
    }

    /// <summary>Many adapters over one base: each takes its own size, and choosing between them copies nothing.</summary>
    [Fact]
    public void A_hundred_adapters_cost_their_own_size_and_no_copy_of_the_base()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using CausalLM model = CausalLM.Load(Folder("llama-tiny"));
        long Bytes() => model.parameters().Sum(p => p.numel() * p.element_size());
        long start = Bytes();
        IntPtr[] weights = [.. model.parameters().Select(p => p.Handle).Order()];
        const int Count = 100;
        long own = 0;
        for (int i = 0; i < Count; i++)
        {
            model.AddLora(r: 2, adapterName: $"a{i}");
            own += AdapterSet.Of(model).Hosts.SelectMany(h => h.Host.FileTensors($"a{i}")).Sum(t => t.Tensor.numel() * t.Tensor.element_size());
        }

        Assert.Equal(start + own, Bytes());
        for (int i = 0; i < Count; i++)
        {
            model.SetAdapter($"a{i}");
        }

        Assert.Equal(start + own, Bytes());
        Assert.Equal(weights, model.parameters().Select(p => p.Handle).Where(weights.Contains).Order());
    }

    private static IEnumerable<(string Name, Func<nn.Module<Tensor, Tensor>> Make, Func<Tensor> Input)> Networks()
    {
        yield return ("linear", () => nn.Sequential(("linear1", nn.Linear(8, 12)), ("act", nn.Tanh()), ("linear2", nn.Linear(12, 8))), () => randn(3, 5, 8));
        yield return ("embedding", () => nn.Sequential(("layer", nn.Embedding(11, 6))), () => randint(0, 11, [2, 4], dtype: ScalarType.Int64));
        yield return ("conv1d", () => nn.Sequential(("layer", nn.Conv1d(4, 6, 3, stride: 2, padding: 1))), () => randn(2, 4, 9));
        yield return ("conv2d", () => nn.Sequential(("layer", nn.Conv2d(4, 6, 3, padding: 1))), () => randn(2, 4, 6, 6));
        yield return ("conv3d", () => nn.Sequential(("layer", nn.Conv3d(2, 4, 2))), () => randn([2, 2, 4, 4, 4]));
    }

    private static bool Takes(AdapterConfig config, string network) => config switch
    {
        LoraConfig lora => !(lora.LoraBias && network == "embedding"),
        LohaConfig or LokrConfig or Ia3Config => network != "embedding",
        _ => network == "linear",
    };

    private static string Folder(string model) => GoldenFolder.ModelFolder(model)!;

    private static bool Close(Tensor a, Tensor b, double tolerance) => (a - b).abs().max().item<float>() <= tolerance * Math.Max(1, a.abs().max().item<float>());

    private static double RelativeError(Tensor expected, Tensor actual) => ((actual.to(ScalarType.Float32) - expected).norm() / expected.norm()).item<float>();

    private sealed class TypedField : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear layer = nn.Linear(2, 2);

        public TypedField()
            : base(nameof(TypedField)) => RegisterComponents();

        public override Tensor forward(Tensor input) => layer.call(input);
    }
}
