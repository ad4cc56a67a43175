using System.Text.Json;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training.Optimizers;

/// <summary>Optimizers with 8-bit and paged states: group optim8bit step by step, with the state through a file in between.</summary>
public sealed class EightBitOptimizerTests : IDisposable
{
    private static readonly OptimizerType[] PagedTypes =
        [OptimizerType.PagedAdamW32Bit, OptimizerType.PagedAdamW8Bit, OptimizerType.PagedLion32Bit, OptimizerType.PagedLion8Bit];

    private readonly string _folder = Directory.CreateTempSubdirectory("lorasharp").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<OptimizerType> With8Bits =>
        [OptimizerType.AdamW8Bit, OptimizerType.Adam8Bit, OptimizerType.PagedAdamW8Bit, OptimizerType.Lion8Bit, OptimizerType.PagedLion8Bit];

    public static TheoryData<OptimizerType> Paged => [.. PagedTypes];

    [Theory, GoldenCases("optim8bit")]
    public void Golden(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        var c = new GoldenCase("optim8bit", name);
        c.RequireKnownParameters("optimizer", "lr", "betas", "eps", "weight_decay", "min_8bit_size", "block_size", "steps", "dtype", "shapes", "gradients");
        JsonElement p = c.Parameters;
        OptimizerType type = p.GetProperty("optimizer").GetString() switch
        {
            "AdamW8bit" => OptimizerType.AdamW8Bit,
            "Adam8bit" => OptimizerType.Adam8Bit,
            "PagedAdamW8bit" or "PagedAdam8bit" => OptimizerType.PagedAdamW8Bit,
            "AdamW" or "AdamW32bit" or "PagedAdamW" or "PagedAdamW32bit" => OptimizerType.PagedAdamW32Bit,
            "Lion8bit" => OptimizerType.Lion8Bit,
            "PagedLion8bit" => OptimizerType.PagedLion8Bit,
            "Lion" or "Lion32bit" => OptimizerType.Lion,
            "PagedLion" or "PagedLion32bit" => OptimizerType.PagedLion32Bit,
            var other => throw new NotSupportedException($"The runner does not know the optimizer {other}."),
        };
        bool lion = type is OptimizerType.Lion or OptimizerType.Lion8Bit or OptimizerType.PagedLion32Bit or OptimizerType.PagedLion8Bit;
        bool in8Bit = type is not (OptimizerType.PagedAdamW32Bit or OptimizerType.Lion or OptimizerType.PagedLion32Bit);
        var options = new OptimizerOptions
        {
            Beta1 = p.GetProperty("betas")[0].GetDouble(),
            Beta2 = p.GetProperty("betas")[1].GetDouble(),
            Eps = lion ? null : p.GetProperty("eps").GetDouble(),
            Min8BitSize = in8Bit ? p.GetProperty("min_8bit_size").GetInt32() : null,
            PageFolder = PagedTypes.Contains(type) ? _folder : null,
        };
        using SafeTensorsFile file = SafeTensorsFile.Open(c.TensorsPath);
        int count = p.GetProperty("shapes").GetArrayLength();
        NamedParameter[] parameters = [.. Enumerable.Range(0, count).Select(i => new NamedParameter($"{i}", file.Load($"input.param.{i}").requires_grad_()))];
        IOptimizer Make() => OptimizerFactory.Create(type, [new ParameterGroup(parameters, p.GetProperty("lr").GetDouble(), p.GetProperty("weight_decay").GetDouble())], options);
        IOptimizer optimizer = Make();
        Tensor[] gradients = [.. parameters.Select(parameter => file.Load($"input.grad.{parameter.Name}"))], expected = [.. parameters.Select(parameter => file.Load($"expected.param.{parameter.Name}"))];
        for (int step = 0; step < p.GetProperty("steps").GetInt32(); step++)
        {
            for (int i = 0; i < count; i++)
            {
                parameters[i].Value.grad = gradients[i][step].clone();
            }

            Assert.True(optimizer.Step());
            for (int i = 0; i < count; i++)
            {
                GoldenTensors.AssertClose($"param {i} after step {step}", expected[i][step], parameters[i].Value.detach(), c.Absolute, c.Relative);
            }

            if (step % 2 == 1)
            {
                optimizer = Resumed(optimizer, Make);
            }
        }

        IReadOnlyDictionary<string, Tensor> state = optimizer.StateTensors();
        string[] keys = in8Bit ? ["state1", "state2"] : ["exp_avg", "exp_avg_sq"];
        double stateTolerance = c.Root.GetProperty("tolerance").GetProperty("state_relative_to_largest").GetDouble();
        for (int i = 0; i < count; i++)
        {
            for (int moment = 1; moment <= (lion ? 1 : 2); moment++)
            {
                Tensor wanted = file.Load($"expected.state{moment}.{i}"), actual = state[$"{keys[moment - 1]}.{i}"];
                Assert.Equal(wanted.dtype, actual.dtype);
                if (c.Expected.GetProperty("state_is_8bit")[i].GetBoolean())
                {
                    Assert.True(wanted.eq(actual).all().item<bool>(), $"state{moment}.{i}");
                    GoldenTensors.AssertClose($"absmax{moment}.{i}", file.Load($"expected.absmax{moment}.{i}"), state[$"absmax{moment}.{i}"], 0, 1e-5);
                }
                else
                {
                    GoldenTensors.AssertClose($"state{moment}.{i}", wanted, actual, stateTolerance * wanted.abs().max().item<float>(), 0);
                }
            }
        }

        optimizer.Dispose();
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp"));
    }

    [Theory, MemberData(nameof(With8Bits))]
    public void A_resumed_run_ends_with_the_same_bits(OptimizerType type)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor[] straight, _) = Run(type, resume: false);
        (Tensor[] resumed, _) = Run(type, resume: true);
        Assert.All(straight.Zip(resumed), pair => Assert.True(pair.First.eq(pair.Second).all().item<bool>()));
    }

    [Theory, MemberData(nameof(Paged))]
    public void Paged_states_lie_in_files_and_change_nothing_else(OptimizerType type)
    {
        using DisposeScope scope = NewDisposeScope();
        OptimizerType plain = type switch
        {
            OptimizerType.PagedAdamW32Bit => OptimizerType.AdamW,
            OptimizerType.PagedAdamW8Bit => OptimizerType.AdamW8Bit,
            OptimizerType.PagedLion32Bit => OptimizerType.Lion,
            _ => OptimizerType.Lion8Bit,
        };
        (Tensor[] expected, int none) = Run(plain, resume: false);
        (Tensor[] actual, int files) = Run(type, resume: true);
        Assert.Equal(0, none);

        // Of the three parameters one is large: a file for each of its moments, whose scales are few.
        Assert.Equal(type is OptimizerType.PagedAdamW32Bit or OptimizerType.PagedAdamW8Bit ? 2 : 1, files);
        Assert.All(expected.Zip(actual), pair => Assert.True(pair.First.eq(pair.Second).all().item<bool>()));
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Theory, MemberData(nameof(With8Bits))]
    public void A_step_with_a_gradient_that_is_not_finite_is_skipped_and_said(OptimizerType type)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor a = ones(5000).requires_grad_(), b = ones(3).to(ScalarType.BFloat16).requires_grad_();
        using IOptimizer optimizer = OptimizerFactory.Create(type, [new ParameterGroup([new("a", a), new("b", b)], 0.1, 0.1)]);
        a.grad = ones(5000);
        b.grad = tensor([1f, float.PositiveInfinity, 1f]).to(ScalarType.BFloat16);
        Assert.False(optimizer.Step());
        Assert.Contains("'b'", optimizer.SkippedBecause, StringComparison.Ordinal);
        Assert.Empty(optimizer.StateTensors());
        Assert.Equal(5000, a.sum().item<float>());
        b.grad = ones(3).to(ScalarType.BFloat16);
        Assert.True(optimizer.Step());
        Assert.Null(optimizer.SkippedBecause);
        Assert.NotEqual(5000, a.sum().item<float>());
        a.grad![17] = float.NaN;
        Assert.False(optimizer.Step());
        Assert.Equal(1, optimizer.StateTensors()["step.a"].ToInt64());
    }

    [Fact]
    public void Small_tensors_and_odd_layouts_keep_their_precision()
    {
        using DisposeScope scope = NewDisposeScope();
        manual_seed(3);
        Tensor start = randn(80, 60), gradient = randn(80, 60);
        Tensor straight = start.clone().requires_grad_(), turned = start.t().contiguous().t().requires_grad_(), wide = start.to(ScalarType.Float64).requires_grad_();
        Assert.False(turned.is_contiguous());
        using IOptimizer optimizer = OptimizerFactory.Create(
            OptimizerType.AdamW8Bit, [new ParameterGroup([new("straight", straight), new("turned", turned), new("wide", wide), new("small", ones(4).requires_grad_())], 0.01, 0.1)]);
        foreach (NamedParameter parameter in optimizer.Groups[0].Parameters)
        {
            parameter.Value.grad = parameter.Name == "small" ? ones(4) : gradient.to(parameter.Value.dtype);
        }

        optimizer.Step();
        Assert.True(straight.eq(turned).all().item<bool>());
        Assert.True(straight.eq(wide.to(ScalarType.Float32)).all().item<bool>());
        Assert.Equal(ScalarType.Byte, optimizer.StateTensors()["state1.straight"].dtype);
        Assert.Equal(ScalarType.Float32, optimizer.StateTensors()["state1.small"].dtype);
    }

    [Fact]
    public void A_state_of_another_precision_is_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor parameter = ones(5000).requires_grad_();
        parameter.grad = ones(5000);
        IOptimizer Make(int? smallest) =>
            OptimizerFactory.Create(OptimizerType.Lion8Bit, [new ParameterGroup([new("p", parameter)], 0.1)], new OptimizerOptions { Min8BitSize = smallest });
        using IOptimizer small = Make(null), large = Make(6000);
        small.Step();
        var state = new Dictionary<string, Tensor>(small.StateTensors()) { ["state1.p"] = zeros(5000) };
        Assert.Contains("this optimizer needs Byte", Assert.Throws<InvalidDataException>(() => small.LoadState(state)).Message, StringComparison.Ordinal);
        Assert.Contains("state1.p", Assert.Throws<InvalidDataException>(() => large.LoadState(small.StateTensors())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_and_options_are_known()
    {
        Assert.Equal(OptimizerType.AdamW8Bit, OptimizerFactory.Parse("adamw_bnb_8bit"));
        Assert.Equal(OptimizerType.AdamW8Bit, OptimizerFactory.Parse("adamw_8bit"));
        Assert.Equal(OptimizerType.PagedAdamW8Bit, OptimizerFactory.Parse("paged_adamw_8bit"));
        Assert.Equal(OptimizerType.Lion8Bit, OptimizerFactory.Parse("lion_8bit"));
        Assert.Equal(OptimizerType.PagedLion8Bit, OptimizerFactory.Parse("paged_lion_8bit"));
        Assert.Contains("PageFolder", Refused(OptimizerType.AdamW8Bit, new() { PageFolder = _folder }), StringComparison.Ordinal);
        Assert.Contains("not an existing folder", Refused(OptimizerType.PagedAdamW8Bit, new() { PageFolder = Path.Combine(_folder, "none") }), StringComparison.Ordinal);
        Assert.Contains("Min8BitSize (0)", Refused(OptimizerType.Lion8Bit, new() { Min8BitSize = 0 }), StringComparison.Ordinal);

        static string Refused(OptimizerType type, OptimizerOptions options) =>
            Assert.Throws<ArgumentException>(() => OptimizerFactory.Create(type, [], options)).Message;
    }

    // Six steps over a large, a middle-sized and a small parameter; the files that exist half-way.
    private (Tensor[] Values, int Files) Run(OptimizerType type, bool resume)
    {
        manual_seed(1);
        NamedParameter[] parameters = [new("large", randn(120_000)), new("middle", randn(70, 70)), new("small", randn(10))];
        Array.ForEach(parameters, parameter => parameter.Value.requires_grad_());
        var options = new OptimizerOptions { PageFolder = PagedTypes.Contains(type) ? _folder : null };
        IOptimizer Make() => OptimizerFactory.Create(type, [new ParameterGroup(parameters, 0.01, 0.1)], options);
        IOptimizer optimizer = Make();
        int files = 0;
        for (int step = 0; step < 6; step++)
        {
            Array.ForEach(parameters, parameter => parameter.Value.grad = randn(parameter.Value.shape));
            Assert.True(optimizer.Step());
            if (step == 2)
            {
                files = Directory.GetFiles(_folder, "*.tmp").Length;
                optimizer = resume ? Resumed(optimizer, Make) : optimizer;
            }
        }

        optimizer.Dispose();
        return ([.. parameters.Select(parameter => parameter.Value.detach())], files);
    }

    private IOptimizer Resumed(IOptimizer optimizer, Func<IOptimizer> make)
    {
        string path = Path.Combine(_folder, "optimizer.safetensors");
        SafeTensorsWriter.Write(path, optimizer.StateTensors());
        optimizer.Dispose();
        IOptimizer resumed = make();
        using (SafeTensorsFile file = SafeTensorsFile.Open(path))
        {
            resumed.LoadState(file.Tensors.ToDictionary(t => t.Name, t => file.Load(t.Name), StringComparer.Ordinal));
        }

        File.Delete(path);
        return resumed;
    }
}
