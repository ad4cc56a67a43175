using System.Text.Json.Nodes;
using LoraSharp.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training;

public class GradientScalerTests
{
    [Fact]
    public void The_scale_falls_at_once_and_grows_after_two_thousand_good_steps()
    {
        var scaler = new GradientScaler();
        Assert.Equal(65536, scaler.Scale);
        scaler.Update(taken: false);
        Assert.Equal(32768, scaler.Scale);
        Repeat(1999, scaler);
        Assert.Equal(32768, scaler.Scale);
        Repeat(1, scaler);
        Assert.Equal(65536, scaler.Scale);

        // A skipped step starts the count anew.
        Repeat(1999, scaler);
        scaler.Update(taken: false);
        Repeat(1999, scaler);
        Assert.Equal(32768, scaler.Scale);
    }

    [Fact]
    public void The_scale_stays_within_float32()
    {
        var scaler = new GradientScaler();
        scaler.LoadState(new JsonObject { ["scale"] = Math.Pow(2, 127), ["_growth_tracker"] = 1999 });
        scaler.Update(taken: true);
        Assert.Equal(Math.Pow(2, 127), scaler.Scale);
        for (int i = 0; i < 160; i++)
        {
            Assert.Equal(scaler.Scale < 1.0 / (1 << 24), scaler.IsExhausted);
            scaler.Update(taken: false);
        }

        Assert.True(scaler.IsExhausted);
    }

    [Theory]
    [InlineData(1f, true)]
    [InlineData(float.PositiveInfinity, false)]
    [InlineData(float.NaN, false)]
    public void Gradients_are_divided_and_looked_at(float value, bool finite)
    {
        using var parameter = new Parameter(zeros(3));
        parameter.grad = tensor(new[] { 65536f, -131072f, value });
        Assert.Equal(finite, new GradientScaler().Unscale([new ParameterGroup([new NamedParameter("p", parameter)], 1)]));
        Assert.Equal([1f, -2f], parameter.grad.data<float>().Take(2));
    }

    [Fact]
    public void A_state_is_given_back_and_a_bad_one_refused()
    {
        var scaler = new GradientScaler();
        Repeat(7, scaler);
        scaler.Update(taken: false);
        Repeat(5, scaler);
        var again = new GradientScaler();
        again.LoadState(scaler.SaveState());
        Assert.Equal(scaler.SaveState().ToJsonString(), again.SaveState().ToJsonString());
        foreach (string bad in (string[])["{}", """{"scale":0,"_growth_tracker":0}""", """{"scale":1,"_growth_tracker":-1}""", """{"scale":1,"_growth_tracker":2000}""", """{"scale":"x","_growth_tracker":0}"""])
        {
            Assert.Throws<InvalidDataException>(() => again.LoadState((JsonObject)JsonNode.Parse(bad)!));
        }

        Assert.Equal(scaler.SaveState().ToJsonString(), again.SaveState().ToJsonString());
    }

    private static void Repeat(int times, GradientScaler scaler)
    {
        for (int i = 0; i < times; i++)
        {
            scaler.Update(taken: true);
        }
    }
}
