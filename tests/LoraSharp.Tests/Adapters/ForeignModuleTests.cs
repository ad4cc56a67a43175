using LoraSharp.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

/// <summary>LoRA on networks that the library knows nothing of.</summary>
public sealed class ForeignModuleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Networks => ["sequential", "fields", "nested"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Networks))]
    public void An_adapter_starts_as_nothing_and_learns(string kind)
    {
        using var scope = NewDisposeScope();
        (nn.Module<Tensor, Tensor> net, string[] targets, int layers) = Create(kind);
        Tensor x = randn(16, 6), before = net.forward(x).detach();
        string[] frozen = [.. net.named_parameters().Select(p => p.name)];
        net.AddLora(r: 3, alpha: 6, targetModules: targets);
        AssertEqual(before, net.forward(x));
        var trainable = net.named_parameters().Where(p => p.parameter.requires_grad).ToArray();
        Assert.Equal(2 * layers, trainable.Length);
        Assert.All(trainable, p => Assert.Contains("lora_", p.name, StringComparison.Ordinal));
        Assert.Equal(net.TrainableParameters().Trainable, trainable.Sum(p => p.parameter.numel()));
        Dictionary<string, Tensor> weights = net.named_parameters().Where(p => !p.parameter.requires_grad).ToDictionary(p => p.name, p => p.parameter.detach().clone());
        Assert.Equal(frozen.Length, weights.Count);

        (double first, double last) = Train(net, x, steps: 30);
        Assert.InRange(last, 0, 0.8 * first);
        Assert.All(net.named_parameters().Where(p => !p.parameter.requires_grad), p => AssertEqual(weights[p.name], p.parameter));
        using (net.DisableAdapters())
        {
            AssertEqual(before, net.forward(x));
        }

        Assert.False(before.allclose(net.forward(x)));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Merged_unmerged_and_unloaded_networks_agree(string kind)
    {
        using var scope = NewDisposeScope();
        (nn.Module<Tensor, Tensor> net, string[] targets, _) = Create(kind);
        (string, long[])[] names = [.. net.named_parameters().Select(p => (p.name, p.parameter.shape))];
        Tensor x = randn(16, 6), untrained = net.forward(x).detach();
        net.AddLora(r: 3, alpha: 6, targetModules: targets);
        Train(net, x, steps: 5);
        Tensor adapted = net.forward(x).detach();
        net.MergeAdapter();
        AssertClose(adapted, net.forward(x));
        net.UnmergeAdapter();
        AssertEqual(adapted, net.forward(x));
        Assert.Same(net, net.MergeAndUnload());
        AssertClose(adapted, net.forward(x));
        Assert.Empty(net.AdapterNames());

        // Names, order and shapes of the parameters are again those of the plain network.
        Assert.Equal(names, net.named_parameters().Select(p => (p.name, p.parameter.shape)));
        net.AddLora(r: 2, targetModules: targets);
        net.Unload();
        AssertClose(adapted, net.forward(x));
        Assert.False(untrained.allclose(adapted));
        Assert.Equal(names, net.named_parameters().Select(p => (p.name, p.parameter.shape)));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void An_adapter_is_saved_and_loaded_into_a_network_like_it(string kind)
    {
        using var scope = NewDisposeScope();
        (nn.Module<Tensor, Tensor> net, string[] targets, _) = Create(kind);
        Tensor x = randn(16, 6);
        net.AddLora(r: 3, alpha: 6, targetModules: targets);
        Train(net, x, steps: 5);
        net.SaveAdapter(_folder.At("adapter"));
        (nn.Module<Tensor, Tensor> other, _, _) = Create(kind);
        other.LoadAdapter(_folder.At("adapter"));
        AssertEqual(net.forward(x), other.forward(x));
        Assert.Equal(0, other.TrainableParameters().Trainable);
        other.SaveAdapter(_folder.At("again"));
        Assert.Equal(File.ReadAllBytes(_folder.At("adapter", "adapter_model.safetensors")), File.ReadAllBytes(_folder.At("again", "adapter_model.safetensors")));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void The_order_of_the_parameters_stays(string kind)
    {
        using var scope = NewDisposeScope();
        (nn.Module<Tensor, Tensor> net, string[] targets, _) = Create(kind);
        long[][] before = [.. net.parameters().Select(p => p.shape)];
        net.AddLora(r: 3, targetModules: targets);
        Assert.Equal(before, net.named_parameters().Where(p => !p.name.Contains("lora_", StringComparison.Ordinal)).Select(p => p.parameter.shape));
    }

    [Fact]
    public void A_field_that_cannot_hold_an_adapted_layer_is_named_and_nothing_changes()
    {
        using var net = new SealedFieldNet();
        string[] before = [.. net.named_parameters().Select(p => p.name)];
        string message = Assert.Throws<AdapterException>(() => net.AddLora(targetModules: ["first", "second"])).Message;
        Assert.Contains("'second'", message, StringComparison.Ordinal);
        Assert.Contains("Linear", message, StringComparison.Ordinal);
        Assert.Contains("Module<Tensor, Tensor>", message, StringComparison.Ordinal);
        Assert.Equal(before, net.named_parameters().Select(p => p.name));
        Assert.All(net.parameters(), p => Assert.True(p.requires_grad));
        Assert.Empty(net.AdapterNames());
    }

    [Fact]
    public void A_target_that_is_not_there_gets_names_that_are_like_it()
    {
        using var net = new NestedNet();
        string message = Assert.Throws<AdapterException>(() => net.AddLora(targetModules: ["outt"])).Message;
        Assert.Contains("outt", message, StringComparison.Ordinal);
        Assert.Contains("out", message[message.IndexOf("imilar", StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.Throws<AdapterException>(() => net.AddLora());
        Assert.Empty(net.AdapterNames());
    }

    [Theory]
    [InlineData(0.0, false)]
    [InlineData(0.0, true)]
    [InlineData(0.4, false)]
    [InlineData(0.4, true)]
    public void Gradients_are_those_of_plain_operators(double dropout, bool trainBias)
    {
        using var scope = NewDisposeScope();
        const int Size = 5;
        const double Scaling = 1.5;
        manual_seed(3);
        Tensor x = randn(2, 7, Size).requires_grad_(), mask = Mask(x, dropout);
        nn.Module<Tensor, Tensor> net = nn.Sequential(("layer", nn.Linear(Size, Size)));
        net.AddLora(r: Size, alpha: Scaling * Size, dropout: dropout, targetModules: ["layer"]);
        net.train();
        Parameter a = Find(net, "lora_A"), b = Find(net, "lora_B"), bias = Find(net, "bias"), weight = Find(net, "weight", "lora_");
        using (no_grad())
        {
            b.copy_(randn(Size, Size));
        }

        bias.requires_grad_(trainBias);
        Tensor direction = randn(2, 7, Size);
        manual_seed(99);
        Tensor actual = net.forward(x);
        (actual * direction).sum().backward();

        Tensor x2 = x.detach().clone().requires_grad_(), a2 = a.detach().clone().requires_grad_(), b2 = b.detach().clone().requires_grad_(), bias2 = bias.detach().clone().requires_grad_();
        Tensor dropped = x2 * mask / (1 - dropout);
        Tensor expected = nn.functional.linear(x2, weight.detach(), bias2) + (dropped.matmul(a2.t()).matmul(b2.t()) * Scaling);
        (expected * direction).sum().backward();
        AssertClose(expected, actual);
        AssertClose(x2.grad!, x.grad!);
        AssertClose(a2.grad!, a.grad!);
        AssertClose(b2.grad!, b.grad!);
        Assert.Null(weight.grad);
        if (trainBias)
        {
            AssertClose(bias2.grad!, bias.grad!);
        }
        else
        {
            Assert.Null(bias.grad);
        }

        net.eval();
        AssertClose(nn.functional.linear(x, weight, bias) + (x.matmul(a.t()).matmul(b.t()) * Scaling), net.forward(x));
    }

    // What a layer of this size drops after manual_seed(99), read from one that lets only the dropped input through.
    private static Tensor Mask(Tensor x, double dropout)
    {
        long size = x.shape[^1];
        using nn.Module<Tensor, Tensor> probe = nn.Sequential(("layer", nn.Linear(size, size, hasBias: false)));
        probe.AddLora(r: (int)size, alpha: size, dropout: dropout, targetModules: ["layer"]);
        probe.train();
        using var noGrad = no_grad();
        Find(probe, "weight", "lora_").zero_();
        Find(probe, "lora_A").copy_(eye(size));
        Find(probe, "lora_B").copy_(eye(size));
        manual_seed(99);
        Tensor mask = probe.forward(x).ne(0).to(ScalarType.Float32);
        Assert.Equal(dropout > 0, mask.sum().item<float>() < mask.numel());
        return mask;
    }

    private static Parameter Find(nn.Module net, string part, string? without = null) =>
        net.named_parameters().Single(p => p.name.Contains(part, StringComparison.Ordinal) && (without is null || !p.name.Contains(without, StringComparison.Ordinal))).parameter;

    private static (double First, double Last) Train(nn.Module<Tensor, Tensor> net, Tensor x, int steps)
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        Tensor target = randn(x.shape[0], 4);
        var optimizer = optim.AdamW(net.parameters().Where(p => p.requires_grad), lr: 0.05);
        double first = 0, last = 0;
        for (int i = 0; i < steps; i++)
        {
            optimizer.zero_grad();
            Tensor loss = nn.functional.mse_loss(net.forward(x), target);
            loss.backward();
            optimizer.step();
            last = loss.item<float>();
            first = i == 0 ? last : first;
        }

        return (first, last);
    }

    private static (nn.Module<Tensor, Tensor> Net, string[] Targets, int Layers) Create(string kind)
    {
        manual_seed(1);
        return kind switch
        {
            "sequential" => (nn.Sequential(("in", nn.Linear(6, 8)), ("act", nn.Tanh()), ("mid", nn.Linear(8, 8, hasBias: false)), ("out", nn.Linear(8, 4))), ["in", "out"], 2),
            "fields" => (new FieldNet(), ["first", "second"], 2),
            "nested" => (new NestedNet(), ["second", "out"], 3),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
    }

    private static void AssertEqual(Tensor expected, Tensor actual) => Assert.True(expected.eq(actual).all().item<bool>());

    private static void AssertClose(Tensor expected, Tensor actual) => Golden.GoldenTensors.AssertClose("tensor", expected.detach(), actual, 2e-5, 2e-5);

#pragma warning disable CS0414, IDE0044, IDE1006 // TorchSharp takes the names of its modules from the fields.
    private sealed class FieldNet : nn.Module<Tensor, Tensor>
    {
        private nn.Module<Tensor, Tensor> first = nn.Linear(6, 8);
        private nn.Module<Tensor, Tensor> norm = nn.LayerNorm(8);
        private nn.Module<Tensor, Tensor> second = nn.Linear(8, 4);

        public FieldNet()
            : base(nameof(FieldNet)) => RegisterComponents();

        public override Tensor forward(Tensor input) => second.call(norm.call(nn.functional.relu(first.call(input))));
    }

    private sealed class NestedNet : nn.Module<Tensor, Tensor>
    {
        private nn.Module<Tensor, Tensor> head = nn.Sequential(("a", new FieldNet()), ("b", nn.Linear(4, 6)), ("c", new FieldNet()));
        private TorchSharp.Modules.ModuleList<nn.Module<Tensor, Tensor>> tail = nn.ModuleList<nn.Module<Tensor, Tensor>>(nn.Tanh(), nn.Sequential(("out", nn.Linear(4, 4))));

        public NestedNet()
            : base(nameof(NestedNet)) => RegisterComponents();

        public override Tensor forward(Tensor input) => tail.Aggregate(head.call(input), (x, layer) => layer.call(x));
    }

    private sealed class SealedFieldNet : nn.Module<Tensor, Tensor>
    {
        private nn.Module<Tensor, Tensor> first = nn.Linear(6, 8);
        private TorchSharp.Modules.Linear second = nn.Linear(8, 4);

        public SealedFieldNet()
            : base(nameof(SealedFieldNet)) => RegisterComponents();

        public override Tensor forward(Tensor input) => second.call(first.call(input));
    }
#pragma warning restore CS0414, IDE0044, IDE1006
}
