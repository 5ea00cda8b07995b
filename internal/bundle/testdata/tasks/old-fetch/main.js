(function(input) {
  const { city, apiKey } = input;
  const url = `https://api.example.com/weather?q=${encodeURIComponent(city)}&appid=${apiKey}`;
  let response;
  try {
    response = fetch(url, { method: "GET", headers: { Accept: "application/json" } });
  } catch (error) {
    throw new NetworkError("no weather: " + error.message);
  }
  if (!response.ok) {
    throw new HttpError(response.status, "no weather for " + city);
  }
  return { temperature: response.body.main.temp, text: response.body.weather[0].description };
})
